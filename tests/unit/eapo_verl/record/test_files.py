"""Files are there whole or not at all."""

import os
from pathlib import Path

import pytest

from eapo_verl.record.files import write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_whole(path, "ü\n")
    write_whole(path, b"second\n", durable=False)
    assert path.read_bytes() == b"second\n" and list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.json"
    write_whole(path, "old")

    def full(*args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_whole(path, "old")
    with path.open() as reader:
        write_whole(path, "a much longer new one")
        assert reader.read() == "old"
