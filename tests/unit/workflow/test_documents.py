"""Files of YAML that people write: what is refused, each in words, and what is read."""

import os
from pathlib import Path
from typing import Any

import pytest

from workflow.command import run_command
from workflow.documents import DEEPEST, LARGEST_FILE, LONGEST_TEXTS, MOST_VALUES, check_plain, main, read_document


def read(tmp_path: Path, content: bytes | str) -> Any:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(path)


def test_plain_values_are_read_with_aliases_and_merged_keys(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: no}\nb: {<<: *a, x: 2}\nc: [*a, é, 1.5, null]\n"
    first = {"x": 1, "y": False}
    assert read(tmp_path, text) == {"a": first, "b": {"x": 2, "y": False}, "c": [first, "é", 1.5, None]}
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n") == {"a": 1}
    assert read(tmp_path, "") is None


REFUSED: dict[str, tuple[bytes | str, str]] = {
    "a key twice": ("a: 1\nb: 2\na: 3\n", "'a' stands there twice"),
    "a key twice, below": ("- {a: {b: 1, b: 1}}\n", "'b' stands there twice"),
    "itself, in a mapping": ("a: &a {b: *a}\n", "values lie more than 32 deep in each other; an alias may hold itself"),
    "itself, in a list": ("a: &a [*a]\n", "an alias may hold itself"),
    "a hundred thousand of one": (
        "a: &a [0,0,0,0,0,0,0,0,0,0]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d]\n",
        "there are more than 10000 values, those behind an alias counted each time"),
    "a hundred million merged keys": (
        "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [{f'*a{n},' * 10}]}}\n" for n in range(8)),
        "'<<' brings more than 10000 keys"),
    "brackets": ("[" * 5000, "values lie more than 32 deep"),
    "a number for a key": ("a: {1: 2}\n", "a.1: Keys should be strings"),
    "a truth for a key": ("yes: 2\n", "true: Keys should be strings"),
    "a pair for a key": ("? [a, b]\n: 2\n", "while constructing a mapping"),
    "a pair of Python's for a key": ("? !!python/tuple [a, b]\n: 2\n", "could not determine a constructor"),
    "bytes": ("a: [!!binary aGVsbG8=]\n", "a.0: b'hello' is a bytes; in quotes it would be text"),
    "a date": ("a: 2026-02-03\n", "a: 2026-02-03 is a date; in quotes it would be text"),
    "a date alone": ("2026-02-03\n", "2026-02-03 is a date"),
    "no date": ("a: 2026-02-30\n", "a value is not what its tag says: day is out of range"),
    "a set": ("a: !!set {b}\n", "a: {'b'} is a set"),
    "no truth": ("a: !!bool maybe\n", "a value is not what its tag says: 'maybe'"),
    "no number": ("a: !!int ''\n", "a value is not what its tag says"),
    "digits without end": (f"a: {'9' * 5000}\n", "a value is not what its tag says: Exceeds the limit"),
    "a huge number": ("a: 0x" + "F" * 100 + "\n", "a: it is an integer of 400 bits; allowed are 63"),
    "a long text": (f"a: {{b: {'x' * 300_000}}}\n",
                    "a.b: with 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'… of 300000 characters, all texts have more"),
    "a long key": (f'? "{"y" * (LONGEST_TEXTS + 1)}"\n: 1\n', "of 32769 characters, all texts have more"),
    "a NUL": ('a: "b\\0"\n', "a: 'b\\x00' holds '\\x00', which is no character of a text"),
    "half a character": ('a: "\\ud800"\n', "a: '\\ud800' holds '\\ud800', which is no character of a text"),
    "a terminal's words": ('"\\e[31m": 1\n', "holds '\\x1b', which is no character of a text"),
    "no UTF-8": (b"a: \xff\n", "'utf-8' codec can't decode byte 0xff"),
    "a program": (b"\x7fELF\x02\x01\x01\0\0\0", "unacceptable character #x007f"),
    "too much": (b"#" * (LARGEST_FILE + 1), "it is larger than 1048576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_refused(tmp_path: Path, name: str) -> None:
    content, said = REFUSED[name]
    with pytest.raises(ValueError) as caught:
        read(tmp_path, content)
    assert said in str(caught.value)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match="it is no file"):
            read_document(path)
    with pytest.raises(FileNotFoundError):
        read_document(tmp_path / "absent.yaml")


def test_limits_are_those_that_are_said() -> None:
    check_plain(["x" * LONGEST_TEXTS])
    check_plain(list(range(MOST_VALUES - 1)))
    deep: Any = 1
    for _ in range(DEEPEST):
        deep = [deep]
    check_plain(deep)
    for one in (["x" * LONGEST_TEXTS, "y"], list(range(MOST_VALUES)), [deep]):
        with pytest.raises(ValueError, match=r"more than (32768|10000|32)\b"):
            check_plain(one)


def test_the_command_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    for text, status in (("seeds: [1]\nseeds: [2]\n", 2), ("seeds: [1]\n", 0)):
        path.write_text(text)
        assert run_command("experiment", main, [str(path)]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"experiment: {path}: 'seeds' stands there twice")
