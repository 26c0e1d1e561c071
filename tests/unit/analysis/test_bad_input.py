"""What the commands of ``python -m analysis`` say of bad input: one line, and nothing written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.cli.commands import main
from tests.analysis_experiment import (
    K,
    grade,
    tables,
)


def change_line(path: Path, edit: Callable[[dict], dict | str | None]) -> None:
    lines = path.read_text().splitlines()
    edited = edit(json.loads(lines[2]))
    lines[2:3] = [] if edited is None else [edited if isinstance(edited, str) else json.dumps(edited)]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda row: None, "question 'chains_a-0' has 3 of k = 4 samples; sample 2 is missing"),
        (lambda row: row | {"question_id": "elsewhere"}, ":3: question_id 'elsewhere' is not one of the 6 problems"),
        (lambda row: row | {"sample": 4}, ":3: sample 4: allowed are 0 to 3"),
        (lambda row: row | {"sample": 1}, ":3: question 'chains_a-0' has sample 1 twice"),
        (lambda row: row | {"sample": "2"}, ':3: sample is "2", not an integer'),
        (lambda row: row | {"sample": True}, ":3: sample is true, not an integer"),
        (lambda row: row | {"n_tokens": -1}, ":3: n_tokens -1 is not a count"),
        (lambda row: row | {"expert_tokens": -1}, ":3: expert_tokens -1 is not a count"),
        (lambda row: row | {"expert_tokens": 1.5}, ":3: expert_tokens is 1.5, not an integer"),
        (lambda row: row | {"finish_reason": "abort"}, ":3: finish_reason 'abort': allowed are stop, length"),
        (lambda row: {key: row[key] for key in row if key != "response"}, ":3: field 'response' is missing"),
        (lambda row: "{broken", ":3: is not JSON"),
        (lambda row: "[" * 100_000, ":3: is not JSON"),
        (lambda row: '{"sample": ' + "9" * 5000 + "}", ":3: is not JSON"),
        (lambda row: "[1]", ":3: is a JSON list, not an object"),
    ],
)
def test_broken_samples_are_one_line_and_write_nothing(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[dict], dict | str | None],
    said: str,
) -> None:
    path = tmp_path / "chains_a.jsonl"
    shutil.copy(results / "samples" / "base" / "seed0" / "chains_a.jsonl", path)
    change_line(path, edit)
    refused(lambda: grade(results, path, tmp_path / "grades.parquet"), said, capsys)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chains_a.jsonl"]


def refused(call: Callable[[], int], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    error = capsys.readouterr().err
    assert error.startswith("analysis: ") and said in error and error.count("\n") == 1, error


def test_a_response_of_any_characters_is_stored(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "chains_a.jsonl"
    shutil.copy(results / "samples" / "base" / "seed0" / "chains_a.jsonl", path)
    change_line(path, lambda row: row | {"response": "\ud800\x00\u2028\r\n\\boxed{100}"})
    assert grade(results, path, tmp_path / "grades.parquet") == 0
    assert pd.read_parquet(tmp_path / "grades.parquet").iloc[2]["correct"]


def test_bad_arguments_and_files_are_one_line(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "samples" / "base" / "seed0" / "chains_a.jsonl"
    out = tmp_path / "out"
    refused(lambda: grade(results, path, out, k=5), "has 4 of k = 5 samples", capsys)
    refused(lambda: grade(results, tmp_path / "chains_a.jsonl", out), "chains_a.jsonl: cannot be read", capsys)
    refused(lambda: tables(results, out, k=5), "k = 5: allowed are 1 to 4", capsys)
    refused(lambda: tables(results, out, pairs=["eapo:leap"]), "'leap' has no scores", capsys)
    refused(lambda: tables(results, out, pairs=["eapo"]), "--pairs 'eapo'", capsys)
    grades = ["--grades-dir", str(results / "grades"), "--out", str(out)]
    refused(lambda: main(["scores", *grades, "--cells", "eapo:1"]), "'eapo:1': needed is method:seed:benchmark", capsys)
    refused(lambda: main(["scores", *grades, "--cells", "eapo:7:chains_a"]), "cannot be read", capsys)
    refused(lambda: main(["scores", *grades, "--cells", "eapo:1:all"]), "cannot be named 'all'", capsys)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit, match="2"):
        main(["grade", "--k", "0"])
    assert capsys.readouterr().err == "analysis: argument --k: '0': needed is a whole number of at least 1\n"
    with pytest.raises(SystemExit, match="2"):
        main(["grade", "--workers", "100000000"])
    assert capsys.readouterr().err == "analysis: argument --workers: '100000000': allowed are 1024\n"


def test_incomplete_scores_are_named(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = pd.read_parquet(results / "scores.parquet")
    shutil.copytree(results / "grades", tmp_path / "grades")
    for frame, said in (
        (scores.drop(index=scores.index[-1]), "question 'chains_b-3' is missing (1 such cells)"),
        (pd.concat([scores, scores.head(1)]), "occurs twice"),
        (scores.assign(correct=K + 1), "correct = 5 of n = 4"),
        (scores.rename(columns={"correct": "right"}), "column 'correct' is missing"),
        (scores.head(0), "has no rows"),
    ):
        frame.to_parquet(tmp_path / "scores.parquet")
        refused(lambda: tables(tmp_path, tmp_path / "tables"), said, capsys)
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("ablations", "said"),
    [
        (["experts"], "'experts': needed is COMPONENT=FULL:WITHOUT"),
        (["experts=eapo:eapo"], "two different methods"),
        (["experts=eapo:base", "experts=eapo:base"], "a component is named twice"),
        (["experts=eapo:magic"], "ablation experts=eapo:magic: 'magic' has no scores"),
    ],
)
def test_bad_ablations_are_one_line(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ablations: list[str], said: str
) -> None:
    refused(lambda: tables(results, tmp_path / "out", "--ablations", *ablations), said, capsys)
    assert not (tmp_path / "out").exists()
