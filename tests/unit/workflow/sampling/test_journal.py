"""What a journal of finished samples holds after an interruption, and when it is begun anew."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.experts.reply import OUTCOMES
from workflow.sampling.journal import Completion, Journal
from workflow.sampling.request import SamplingError

counts = st.integers(0, 100)
outcomes = st.dictionaries(st.sampled_from(OUTCOMES), counts)
completions = st.builds(
    Completion, st.text(), counts, st.sampled_from(["stop", "length"]), counts, counts, counts, outcomes
)
samples = st.dictionaries(st.integers(0, 2**63 - 1), completions, max_size=6)


def _write(path: Path, digest: str, kept: dict[int, Completion]) -> None:
    with Journal(path, digest) as journal:
        journal.begin()
        for seed, completion in kept.items():
            journal.add(seed, completion)


@given(first=samples, second=samples)
def test_what_was_added_is_there_in_every_later_run(
    tmp_path_factory: pytest.TempPathFactory, first: dict[int, Completion], second: dict[int, Completion]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "deep" / "journal"
    _write(path, "a", first)
    _write(path, "a", second)
    with Journal(path, "a") as journal:
        assert journal.taken_over == len(first | second)
        assert {seed: journal[seed] for seed in first | second} == first | second
        assert journal.drawn_tokens == 0


@given(kept=samples, data=st.data())
def test_a_file_cut_anywhere_keeps_its_whole_lines_and_takes_new_ones(
    tmp_path_factory: pytest.TempPathFactory, kept: dict[int, Completion], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    _write(path, "a", kept)
    content = path.read_bytes()
    cut = content[: data.draw(st.integers(0, len(content)))]
    # A machine that stops, and not only the process, can leave zeros where data should be.
    path.write_bytes(cut + data.draw(st.sampled_from([b"", b"\0" * 9, b"\0\n"])))
    whole = max(0, cut.count(b"\n") - 1)
    with Journal(path, "a") as journal:
        assert journal.taken_over == whole
        assert all(journal[seed] == kept[seed] for seed in list(kept)[:whole])
        assert not any(seed in journal for seed in list(kept)[whole:])
    _write(path, "a", kept)
    with Journal(path, "a") as journal:
        assert {seed: journal[seed] for seed in kept} == kept


def test_samples_of_another_identity_are_not_taken_over_and_looking_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    kept = {1: Completion("x", 2, "stop")}
    _write(path, "a", kept)
    before = path.read_bytes()
    with Journal(path, "b") as journal:
        assert journal.taken_over == 0 and 1 not in journal
    assert path.read_bytes() == before
    _write(path, "b", {})
    with Journal(path, "a") as journal:
        assert journal.taken_over == 0 and 1 not in journal


def test_a_sample_that_knows_of_no_experts_had_none(tmp_path: Path) -> None:
    line = '{"seed": 1, "response": "x", "n_tokens": 2, "finish_reason": "stop"}'
    (tmp_path / "journal").write_text(f'{{"identity": "a"}}\n{line}\n')
    with Journal(tmp_path / "journal", "a") as journal:
        assert journal[1] == Completion("x", 2, "stop", 0, 0, 0, {}) and journal[1].expert_failures == 0


def test_answers_that_did_not_come_are_failures_whatever_kept_them() -> None:
    replies = {"answered": 3, "truncated": 1, "failed": 2, "timed_out": 4}
    assert Completion("x", 2, "stop", expert_replies=replies).expert_failures == 7


def test_a_journal_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(SamplingError, match=r"cannot keep samples in .*journal: Is a directory"):
        Journal(tmp_path / "journal", "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(SamplingError, match=r"cannot keep samples in .*journal: "):
        Journal(tmp_path / "file" / "journal", "a").begin()


def test_a_disk_that_takes_no_more_is_one_line_and_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    kept = {1: Completion("x", 2, "stop")}
    _write(path, "a", kept)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
        with pytest.raises(SamplingError, match=r"cannot keep samples in .*journal: File too large"):
            _write(path, "a", {2: Completion("y", 2, "stop")})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with Journal(path, "a") as journal:
        assert journal.taken_over == 1 and journal[1] == kept[1]
