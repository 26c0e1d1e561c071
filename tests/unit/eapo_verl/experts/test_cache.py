"""Replies on disk."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eapo_verl.experts.cache import ReplyCache
from eapo_verl.experts.reply import OUTCOMES, Outcome, Reply

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "q"}], "max_tokens": 8, "temperature": 0.0, "seed": 1}
REPLY = Reply("a", "answered", "words \U0001f600\x00", tokens=7, prompt_tokens=3, cost=0.5, attempts=2, capped=True)


def test_a_reply_is_found_again_by_another_process(tmp_path: Path) -> None:
    ReplyCache(tmp_path / "new" / "folder").put(REQUEST, REPLY)
    found = ReplyCache(tmp_path / "new" / "folder").get(dict(reversed(REQUEST.items())))
    counts = {"tokens": 7, "prompt_tokens": 3, "cached_tokens": 7, "cached_prompt_tokens": 3}
    assert found == Reply("a", "answered", "words \U0001f600\x00", capped=True, cached=True, **counts)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 1


@pytest.mark.parametrize(
    "change", [{"model": "n"}, {"messages": []}, {"max_tokens": 9}, {"temperature": 1}, {"seed": 2}]
)
def test_whatever_changes_the_reply_is_part_of_the_key(tmp_path: Path, change: dict) -> None:
    cache = ReplyCache(tmp_path)
    cache.put(REQUEST, REPLY)
    assert cache.get(REQUEST | change) is None and cache.corrupt == 0


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_what_an_expert_said_is_kept(tmp_path: Path, outcome: Outcome) -> None:
    cache = ReplyCache(tmp_path)
    cache.put(REQUEST, Reply("a", outcome))
    assert (cache.get(REQUEST) is not None) == (outcome in ("answered", "truncated"))


CORRUPT = [b"", b"\xff", b"{", b"[]", b'{"expert": "a"}', b'{"expert": 1, "outcome": "x"}']
CORRUPT += [b" " * 5 * 2**20, b'{"expert": "a", "outcome": "answered", "tokens": 1%s}' % (b"0" * 40)]


@pytest.mark.parametrize("content", CORRUPT)
def test_a_corrupt_entry_is_a_miss_and_counted(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    cache = ReplyCache(tmp_path)
    cache.put(REQUEST, REPLY)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(content)
    assert cache.get(REQUEST) is None and cache.corrupt == 1
    assert "cannot be read" in caplog.text
    cache.put(REQUEST, REPLY)
    assert cache.get(REQUEST) is not None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_an_entry_that_is_no_file_is_a_miss_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    cache = ReplyCache(tmp_path)
    cache.put(REQUEST, REPLY)
    (entry,) = tmp_path.iterdir()
    entry.unlink()
    make(entry)
    assert cache.get(REQUEST) is None and cache.corrupt == 1


def test_a_reply_that_could_not_be_read_again_is_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ReplyCache(tmp_path).put(REQUEST, Reply("a", "answered", "x" * 5 * 2**20))
    assert not list(tmp_path.iterdir()) and "is not cached; allowed are" in caplog.text


def test_an_entry_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ReplyCache(tmp_path / "folder")
    (tmp_path / "folder").rmdir()
    with caplog.at_level(logging.WARNING):
        cache.put(REQUEST, REPLY)
    assert "cannot be cached" in caplog.text
