"""The problems of tuning are in no other set."""

import json
from pathlib import Path

import pytest

from workflow.command import run_command
from workflow.tuning.problems import main


def write(path: Path, *texts: str) -> str:
    path.write_text("".join(json.dumps({"id": f"p-{n}", "problem": text}) + "\n" for n, text in enumerate(texts)))
    return str(path)


def test_sets_that_are_apart_go_through_unchanged(tmp_path: Path) -> None:
    ours = write(tmp_path / "tuning.jsonl", "1+1?", "2+2?")
    others = [write(tmp_path / "train.jsonl", "3+3?"), write(tmp_path / "aime.jsonl", "4+4?", "1+1")]
    arguments = [part for other in others for part in ("--apart-from", other)]
    out = tmp_path / "data" / "validation.jsonl"
    assert run_command("tune", main, [ours, *arguments, "--out", str(out)]) == 0
    assert out.read_bytes() == Path(ours).read_bytes()


@pytest.mark.parametrize("text", ["2+2?", " 2+2?\n", "What is  two?", "WHAT IS TWO?"])
def test_a_problem_of_another_set_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture, text: str) -> None:
    ours = write(tmp_path / "tuning.jsonl", "1+1?", "2+2?", "What is two?")
    train, benchmark = write(tmp_path / "train.jsonl", "3+3?"), write(tmp_path / "aime.jsonl", "4+4?", text)
    out = tmp_path / "validation.jsonl"
    status = run_command("tune", main, [ours, "--apart-from", train, "--apart-from", benchmark, "--out", str(out)])
    said = capsys.readouterr().err
    assert status == 2 and not out.exists()
    assert said.startswith("tune: tuning.validation: 1 of its 3 problems are in ") and said.count("\n") == 1
    assert benchmark in said and train not in said


@pytest.mark.parametrize("content", ["{}\n", "[1]\n", "no\n", '{"problem": 3}\n'])
def test_a_file_of_anything_else_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, content: str) -> None:
    ours = write(tmp_path / "tuning.jsonl", "1+1?")
    (tmp_path / "train.jsonl").write_text(content)
    status = run_command("tune", main, [ours, "--apart-from", str(tmp_path / "train.jsonl"), "--out", "never"])
    said = capsys.readouterr().err
    assert status == 2 and "train.jsonl is no file of problems" in said and said.count("\n") == 1
