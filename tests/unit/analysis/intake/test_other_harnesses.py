"""What other harnesses leave in a folder: read with the right values, or named in one line."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis import InputError
from analysis.cli.commands import main
from analysis.intake import folders
from analysis.intake.samples import Reference, read_answers, read_samples
from tests import ROOT
from tests.harness_files import (
    DATE,
    HARNESSES,
    PROBLEMS,
    a_row_each,
    cells,
    inspect_archive,
    inspect_log,
    lines,
    logged,
    table,
    value,
    verl_parquet,
)  # fmt: skip


def read(folder: Path, problems: Path | None = None) -> tuple[pd.DataFrame, dict[str, Reference]]:
    [source] = folders.find("one", folder)
    assert source.cell == ("one", 0, "aime24")
    return folders.read(source, problems)


@pytest.mark.parametrize("harness", HARNESSES)
def test_samples_and_answers_are_those_that_were_written(harness: str, tmp_path: Path) -> None:
    write, count = HARNESSES[harness]
    write(tmp_path)
    samples, answers = read(tmp_path)
    found = {
        answers[str(question)].answer: list(rows.sort_values("sample")["response"])
        for question, rows in samples.groupby("question_id")
    }
    assert found == {answer: texts[:count] for answer, texts in PROBLEMS.values()}
    assert sorted(samples["sample"]) == sorted([*range(count)] * len(PROBLEMS))


def test_lengths_and_ends_are_taken_where_every_row_tells_them(tmp_path: Path) -> None:
    tokens = {"NeMo-Skills": {7}, "lighteval": {1, 3}, "inspect": {8}, "matharena": {9}, "parquet": {5}}
    for harness, expected in tokens.items():
        (tmp_path / harness).mkdir()
        HARNESSES[harness][0](tmp_path / harness)
        samples, _ = read(tmp_path / harness)
        assert {*samples["n_tokens"]} == expected
        assert {*samples["finish_reason"]} == ({"stop"} if harness in ("NeMo-Skills", "inspect") else {None})
    rows = a_row_each(n_tokens=3, finish_reason="length")
    lines(tmp_path / "aime24.jsonl", [*rows[:3], {**rows[3], "n_tokens": None, "finish_reason": "abort"}])
    samples, _ = folders.read(folders.find("one", tmp_path)[0], None)
    assert samples[["n_tokens", "finish_reason"]].isna().all(axis=None)


def test_a_column_without_a_name_is_none_of_the_parts(tmp_path: Path) -> None:
    """As pandas writes its index."""
    cells(tmp_path / "aime24.csv", [{"": number, **row} for number, row in enumerate(a_row_each(sample=0)[::2], 7)])
    samples, _ = read(tmp_path)
    assert samples["n_tokens"].isna().all() and list(samples["sample"]) == [0, 0]


def test_a_table_with_a_gap_has_its_counts_with_decimals(tmp_path: Path) -> None:
    cells(tmp_path / "aime24.csv", [{**row, "answer": f"{row['answer']}.0"} for row in a_row_each(n_tokens="12.0")])
    samples, _ = read(tmp_path)
    assert {*samples["n_tokens"]} == {12}


def test_our_own_files_are_read_as_the_workflow_reads_them(tmp_path: Path) -> None:
    rows = a_row_each(n_tokens=3, finish_reason="stop", expert_tokens=2)
    ours = [{**row, "question_id": str(row["question_id"])} for row in rows]
    lines(tmp_path / "samples/aime24.jsonl", [{key: row[key] for key in row if key != "answer"} for row in ours])
    lines(tmp_path / "data/aime24.jsonl", [{"id": "1", "answer": "04"}, {"id": "0", "answer": "2"}])
    samples, answers = read(tmp_path / "samples")
    known = read_answers(tmp_path / "data/aime24.jsonl")
    assert answers == known
    pd.testing.assert_frame_equal(samples, read_samples(tmp_path / "samples/aime24.jsonl", known))


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_answers_may_come_in_any_file(ending: str, tmp_path: Path) -> None:
    lines(tmp_path / "a/aime24.jsonl", [{k: row[k] for k in ("question_id", "response")} for row in a_row_each()])
    (tmp_path / "problems").mkdir()
    rows = [{"ID": number, "Answer": answer} for number, (answer, _) in enumerate(PROBLEMS.values())]
    write = {"jsonl": lines, "json": value, "csv": cells, "parquet": table}[ending]
    write(tmp_path / f"problems/aime24.{ending}", rows)
    _, answers = read(tmp_path / "a", tmp_path / "problems")
    assert {name: one.answer for name, one in answers.items()} == {"0": "2", "1": "4"}


def test_seeds_are_folders_however_they_are_written(tmp_path: Path) -> None:
    for name in ("seed_1", "Seed-2", "seed3"):
        lines(tmp_path / name / "aime24.jsonl", a_row_each())
    assert [source.cell.seed for source in folders.find("one", tmp_path)] == [1, 2, 3]
    lines(tmp_path / "seed_3/aime24.jsonl", a_row_each())
    with pytest.raises(InputError, match=r"seed_3: is of seed 3, as .*seed3 is: needed is one folder"):
        folders.find("one", tmp_path)


def test_parts_of_a_benchmark_may_lie_in_the_folder_itself(tmp_path: Path) -> None:
    for sample in range(2):
        rows = [{"problem": problem, "expected_answer": answer, "generation": texts[sample]}
                for problem, (answer, texts) in PROBLEMS.items()]  # fmt: skip
        lines(tmp_path / f"output-rs{sample}.jsonl", rows)
    [source] = folders.find("one", tmp_path)
    assert source.cell.benchmark == "output" and len(folders.read(source, None)[0]) == 4
    lines(tmp_path / "output.jsonl", rows)
    with pytest.raises(InputError, match="holds output of seed 0 too: needed is one file"):
        folders.find("one", tmp_path)


def strange(folder: Path, column: pa.Array) -> None:
    rows = pa.Table.from_pylist([ROW] * 2)
    pq.write_table(rows.append_column("when", column), folder / "aime24.parquet")


def plain(folder: Path, *rows: dict) -> None:
    lines(folder / "aime24.jsonl", list(rows))


ROW = {"question_id": "a", "response": "\\boxed{2}", "answer": "2"}


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda folder: plain(folder, {"question_id": "a", "text": "2"}),
         ":1: has no field for the response: needed is one of responses, response, generations"),
        (lambda folder: plain(folder, {"generation": "2", "expected_answer": "2"}),
         ":1: has no field for the question: needed is one of question_id, "),
        (lambda folder: plain(folder, {"question_id": "a", "response": "2"}),
         "its answers are not known: needed is --problems, a folder with aime24.jsonl, or one of these fields"),
        (lambda folder: plain(folder, ROW, {**ROW, "response": None}),
         ":2: the response is None: needed is text, or a list of texts"),
        (lambda folder: plain(folder, ROW, {**ROW, "answer": ["2", "3"]}),
         ":2: the right answer is ['2', '3']: needed is text or a whole number"),
        (lambda folder: plain(folder, ROW, {**ROW, "answer": "x+1"}), ":2: answer 'x+1' is not an integer"),
        (lambda folder: plain(folder, ROW, {**ROW, "answer": 3}), ":2: the answer to question 'a' is 3, and 2 before"),
        (lambda folder: plain(folder, *[{**ROW, "sample": 0}] * 2), ":2: question 'a' has sample 0 twice"),
        (lambda folder: plain(folder, {**ROW, "sample": -1}), ":1: sample is -1: needed is a count"),
        (lambda folder: plain(folder, {**ROW, "n_tokens": 1.5}), ":1: n_tokens is 1.5: needed is a count"),
        (lambda folder: plain(folder, ROW, ROW, {**ROW, "question_id": "b"}),
         "question 'b' has 1 responses, others have 2"),
        (lambda folder: plain(folder, {**ROW, "problem": "p"}, {**ROW, "question_id": "b", "problem": "p"}),
         "2 ids, and 1 problems: needed is an id for each question, as question_id"),
        (lambda folder: plain(folder), "holds no sample"),
        (lambda folder: (folder / "aime24.jsonl").write_text("5\n"), "is a JSON int: needed are objects"),
        (lambda folder: (folder / "aime24.jsonl").write_text('{"a": 1\n{"a": 2}\n'), "is not JSON: "),
        (lambda folder: (folder / "aime24.jsonl").write_text('{"a": 1}\n[1]\n'), "needed is one of question_id"),
        (lambda folder: (folder / "aime24.jsonl").write_bytes(b'{"a": "\xff"}\n'), "is not UTF-8"),
        (lambda folder: (folder / "aime24.jsonl.gz").write_bytes(b"\x1f\x8b broken"), "is not a whole gzip file"),
        (lambda folder: (folder / "aime24.parquet").write_bytes(b"PAR1"), "is not a parquet file"),
        (lambda folder: strange(folder, pa.array([0, 1], pa.timestamp("us", "Mars/Phobos"))),
         "holds what Python has no value for: 'Mars/Phobos'"),
        (lambda folder: strange(folder, pa.array([2**30] * 2, pa.date32())), "holds what Python has no value for: "),
        (lambda folder: (folder / "aime24.csv").write_text("id,response\n1,a,b\n"), ":2: not as many cells as columns"),
        (lambda folder: (folder / "aime24.csv").write_text("id,id\n1,2\n"), "two columns have the same name"),
        (lambda folder: (folder / "aime24.csv").write_text('id,response\n1,"a\n'), "is not CSV: unexpected end of"),
        (lambda folder: (folder / "aime24.csv").write_text("id;response;answer\n1;a;2\n"),
         "needed is one of question_id, problem_id"),
        (lambda folder: verl_parquet(folder, responses=False), ": row 1: has no field for the response"),
        (lambda folder: inspect_log(folder, status="error"), "is of a run with status 'error': needed is 'success'"),
        (lambda folder: inspect_archive(folder, "cancelled"), "is of a run with status 'cancelled'"),
        (lambda folder: inspect_archive(folder, method=zipfile.ZIP_BZIP2), "is compressed otherwise than deflated"),
        (lambda folder: (folder / "x.eval").write_bytes(b"PK"), "is not an archive that can be read"),
        (lambda folder: zipfile.ZipFile(folder / "x.eval", "w").close(), "has no header.json"),
        (lambda folder: value(folder / f"results_{DATE}.json", {"results": {"aime24": {"exact_match": 1.0}}}),
         "holds results and no samples (lm-eval writes these with --log_samples)"),
        (lambda folder: value(folder / "pretrained__org__model_aime24.jsonl", logged()),
         "is a log of lm-eval up to 0.4.2, whose name does not say where the task begins"),
        (lambda folder: table(folder / "aime24.parquet", [{"doc": {"id": "1"}, "model_response": {"text": ["a"]}}]),
         ": row 1: is not as lighteval writes a sample (KeyError('gold_index'))"),
        (lambda folder: (folder / "aime24.txt").write_text("2"), "holds no samples: needed are <benchmark>.jsonl"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_in_one_line(
    write: Callable[[Path], object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out-dir", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("analysis: ") and said in error and error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()


def test_two_folders_of_another_harness_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, right in (("a", 5), ("b", 2)):
        for sample in range(2):
            rows = [{"problem": f"{number}?", "expected_answer": number, "generation":
                     f"{sample} \\boxed{{{number if number < right else 99}}}"} for number in range(6)]  # fmt: skip
            lines(tmp_path / name / f"aime24/output-rs{sample}.jsonl", rows)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out-dir", str(tmp_path / "out")]) == 0
    assert "a minus b is +50.0 points" in capsys.readouterr().out
    main_csv = pd.read_csv(tmp_path / "out/main.csv").query("benchmark == 'aime24'").set_index("method")
    assert list(main_csv.loc[["a", "b"], "avg_at_k"]) == pytest.approx([5 / 6, 2 / 6])
    assert main_csv[["n_tokens_mean", "truncated_rate"]].isna().all(axis=None)


#: Makes files that never end, or never begin, and says what each command answers.
_ENDLESS = """
import contextlib, io, json, os, sys
from pathlib import Path
from analysis.cli.commands import main
from analysis.intake import files

files.LONGEST = 2**20
folder, other = Path(sys.argv[1]), Path(sys.argv[2])
compared = ["compare", str(folder), str(other), "--out-dir", str(folder / "out")]

def sparse(path):
    path.touch()
    os.truncate(path, 2**40)

def said(path, make, command):
    make(path)
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        status = main(command)
    path.unlink()
    print(json.dumps([path.name, status, errors.getvalue()]))

for name in ("x.jsonl", "x.json.gz", "x.csv", "x.parquet", "x.eval", "samples_x.json"):
    said(folder / name, os.mkfifo, compared)
    said(folder / name, lambda path: path.symlink_to("/dev/zero"), compared)
for name in ("x.jsonl", "x.json", "x.csv"):
    said(folder / name, sparse, compared)
tables = ["tables", "--grades-dir", str(folder), "--k", "1", "--pairs", "a:b", "--out-dir", str(folder / "out")]
tables += ["--scores", str(folder / "scores.parquet")]
said(folder / "scores.parquet", os.mkfifo, tables)
said(folder / "arms.json", os.mkfifo, [*tables, "--arms", str(folder / "arms.json")])
said(folder / "rollouts.jsonl.gz", os.mkfifo, ["show", str(folder)])
(folder / "x.jsonl").write_text(json.dumps({"question_id": "a", "response": "2"}))
said(other.parent / "answers.jsonl", os.mkfifo, [*compared, "--problems", str(other.parent / "answers.jsonl")])
"""


def test_what_never_ends_and_what_never_begins_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    lines(tmp_path / "b/x.jsonl", [ROW])
    command = [sys.executable, "-c", _ENDLESS, str(tmp_path / "a"), str(tmp_path / "b")]
    # A reader that waits for ever does not end by itself.
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 2 * 6 + 3 + 4
    for name, status, error in answers:
        assert status == 2 and error.startswith("analysis: ") and error.count("\n") == 1, (name, error)
        assert "is no regular file" in error or "is too long" in error, (name, error)
