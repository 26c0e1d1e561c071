"""Reading, normalising and writing problems, for whatever file they come in."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tasks
from analysis.intake.rows import read_rows as other_rows
from workflow.sources.command import SourceError, write_jsonl
from workflow.sources.problems import Problem, Row, parse, read_rows

ROWS = [
    {"id": "a", "problem": "One plus one?", "answer": "002", "source": "here"},
    {"id": "b", "problem": 'A line separator\u2028and a quote ", a comma', "answer": "40", "source": "here"},
]


def save(path: Path, rows: list[dict]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet", ".CSV"])
def test_every_format_gives_the_same_problems(tmp_path, suffix):
    path = save(tmp_path / "set.jsonl", ROWS) if suffix == ".jsonl" else tmp_path / f"set{suffix}"
    if suffix == ".CSV":
        save(tmp_path / "set.csv", ROWS).rename(path)
    elif suffix != ".jsonl":
        save(path, ROWS)
    assert parse(read_rows(path), "elsewhere") == [
        Problem("a", "One plus one?", "2", "here"),
        Problem("b", ROWS[1]["problem"], "40", "here"),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
@pytest.mark.parametrize("names", [("ID", "Question", "Answer"), (" problem_id", "problem", "final_answer ")])
def test_other_common_names_of_columns_are_taken(tmp_path, suffix, names):
    path = save(tmp_path / f"set{suffix}", [dict(zip(names, ["a", "p", "025"], strict=True)) | {"Solution": "s"}])
    assert parse(read_rows(path), "x") == [Problem("a", "p", "25", "x")]


def test_lines_may_be_in_a_json_file(tmp_path):
    path = save(tmp_path / "set.jsonl", ROWS).rename(tmp_path / "set.json")
    assert [problem.answer for problem in parse(read_rows(path), "x")] == ["2", "40"]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize(("extra", "name"), [({"index": 7, "split": "test"}, "7"), ({"split": "test"}, "1")])
def test_what_verl_trains_on_is_taken(tmp_path, suffix, extra, name):
    row = {"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}], "ability": "math",
           "reward_model": {"style": "rule", "ground_truth": "025"}, "extra_info": extra}  # fmt: skip
    path = save(tmp_path / f"set{suffix}", [row])
    assert parse(read_rows(path), "x") == [Problem(name, "p", "25", "x")]


def test_rows_without_ids_are_numbered(tmp_path):
    path = save(tmp_path / "set.csv", [{"question": "p", "answer": "1"}, {"question": "q", "answer": "2"}])
    assert parse(read_rows(path), "x") == [Problem("1", "p", "1", "x"), Problem("2", "q", "2", "x")]


def test_programs_without_ids_are_numbered_too():
    row = {"prompt": "def f(x):", "entry_point": "f", "test": "def check(candidate): candidate(1)"}
    rows = [Row("here", row | {"prompt": f'def f(x):\n    """{name}"""\n'}) for name in "ab"]
    assert [one.id for one in parse(rows, "x", "python")] == ["1", "2"]
    named = [Row("here", row.fields | {"question_id": name}) for row, name in zip(rows, "ab", strict=True)]
    assert [one.id for one in parse(named, "x", "python")] == ["a", "b"]
    with pytest.raises(SourceError, match="there: no column for 'id'"):
        parse([named[0], replace(rows[1], where="there")], "x", "python")


def test_integers_that_a_table_with_gaps_made_floats_are_taken(tmp_path):
    for suffix in (".parquet", ".csv"):
        path = save(tmp_path / f"set{suffix}", [{"id": 7.0, "problem": "p", "answer": 204.0}])
        assert [problem.answer for problem in parse(read_rows(path), "x")] == ["204"]


def test_capital_field_names_and_integers_are_taken_and_the_source_is_filled_in(tmp_path):
    path = save(tmp_path / "set.parquet", [{"ID": 7, "Problem": "p", "Answer": 25, "Year": 2024}])
    assert parse(read_rows(path), "elsewhere") == [Problem("7", "p", "25", "elsewhere")]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"answer": "1/2"}, "answer '1/2' is not an integer"),
        ({"answer": 2.5}, "'answer' is 2.5"),
        ({"answer": True}, "'answer' is True; it must be text or a whole number"),
        ({"answer": None}, "'answer' is None"),
        ({"problem": "  "}, "'problem' is '  '"),
        ({"problem": "\ud800"}, "half a character"),
        ({"id": "a"}, "id 'a' was used before"),
    ],
)
def test_a_bad_row_is_named(tmp_path, change, complaint):
    path = save(tmp_path / "set.json", [ROWS[0], ROWS[1] | change])
    with pytest.raises(SourceError) as caught:
        parse(read_rows(path), "elsewhere")
    assert complaint in str(caught.value)
    assert f"{path}: row 2" in str(caught.value)


#: An answer that is not in its normal form, of each task that a number is none of.
TESTS = '{"tests": "f()", "functions": ["f"]}'
ANSWERS = {"python": TESTS, "python_bare": TESTS, "choice": "(b)", "roles": "Ben: a knave, Ann: a knight"}


@pytest.mark.parametrize("task", tasks.names())
def test_an_answer_is_in_the_normal_form_of_its_task(task):
    answer = ANSWERS.get(task, "0025")
    (problem,) = parse([Row("here", {"problem": "p", "answer": answer})], "x", task)
    assert (problem.answer, problem.task) == (tasks.task(task).normalise(answer), task)


def test_a_missing_field_is_named_with_those_that_are_there():
    said = "here: no column for 'answer'; found: id, question; allowed: answer, final_answer, expected_answer"
    with pytest.raises(SourceError, match=said):
        parse([Row("here", {"id": "1", "question": "q"})], "elsewhere")


def test_a_row_alone_without_an_id_is_named():
    rows = [Row("first", {"id": "1", "problem": "p", "answer": "1"}), Row("second", {"problem": "q", "answer": "1"})]
    with pytest.raises(SourceError, match="second: no column for 'id'; found: problem, answer; allowed: id, "):
        parse(rows, "elsewhere")


def test_two_columns_for_one_thing_are_refused_unless_one_has_its_name():
    row = {"id": "1", "problem": "p", "final_answer": "1", "expected_answer": "2"}
    with pytest.raises(SourceError, match="here: 'answer' could be final_answer or expected_answer"):
        parse([Row("here", row)], "elsewhere")
    assert parse([Row("here", row | {"answer": "3"})], "elsewhere") == [Problem("1", "p", "3", "elsewhere")]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("set.txt", b"x", "allowed: .jsonl, .json, .csv, .parquet"),
        ("set", b"x", "'without suffix'"),
        ("set.jsonl", b"", "holds no row"),
        ("set.jsonl", b'{"id": 1}\n{', "set.jsonl:2: not JSON"),
        ("set.jsonl", b"[1]\n", "set.jsonl:1: a list; each row must be an object"),
        ("set.jsonl", b"\xff\xfe", "set.jsonl:1: not UTF-8 text (byte 0 of the line)"),
        ("set.csv", b"\xef\xbb\xbfproblem,answer\np,1\n\xff,1\n", "set.csv:3: not UTF-8 text (byte 0 of"),
        ("set.jsonl", b'{"id": 1}\n{"answer": 1, "answer": 2}\n', "set.jsonl:2: 'answer' stands twice in an object"),
        ("set.json", b'{"id": 1}\n{"answer": 1, "answer": 2}\n', "set.json:2: 'answer' stands twice in an object"),
        ("set.json", b'[\n{"id": 1, "a": [[]]},\n{"a": {"b": 1,\n"b": 2}}]', "set.json:3: 'b' stands twice in an obj"),
        ("set.json", b'{"id": 1, "id": 1}', "set.json:1: 'id' stands twice in an object"),
        ("set.json", b'{"id": 1}', "a dict; it must be a list of objects"),
        ("set.json", b"[" * 100_000, "not JSON"),
        ("set.csv", b"id,problem,answer\n", "holds no row"),
        ("set.csv", b"id,problem,answer\n1,If x = 3, 12,5\n", "set.csv:2: not as many cells as columns"),
        ("set.csv", b"id,problem,answer\n1,Half\n", "set.csv:2: not as many cells as columns"),
        (
            "set.csv",
            b"problem,problem,answer\na,b,1\n",
            "two columns have the same name; found: problem, problem, answer",
        ),
        ("set.jsonl", b'{"id": 1, "ID": 2}\n', "set.jsonl:1: two columns have the same name but for case"),
        ("set.csv", b'id,problem\n1,"' + b"x" * 200_000 + b'"\n', "not CSV"),
        ("set.parquet", b"PAR1 nothing", "not a parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, content, complaint):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_rows(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_message_is_one_line_of_bearable_length(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array(["p"])] * 2, ["problem", "problem"]), tmp_path / "set.parquet")
    rows = [Row("here", {"problem": "p", "answer": ["9" * 5000]}), Row("here", {"k" * 5000: 1})]
    for wrong in (lambda: read_rows(tmp_path / "set.parquet"), *(lambda row=row: parse([row], "x") for row in rows)):
        with pytest.raises(SourceError) as caught:
            wrong()
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"absent\.csv: cannot be read: No such file"):
        read_rows(tmp_path / "absent.csv")


def test_writing_replaces_the_whole_file_or_leaves_it_as_it_was(tmp_path):
    path = tmp_path / "deep" / "out.jsonl"
    write_jsonl(path, ROWS)
    before = path.read_bytes()
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line] == ROWS
    with pytest.raises(TypeError):
        write_jsonl(path, [ROWS[0], {"id": object()}])
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["out.jsonl"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="--out: cannot write"):
        write_jsonl(tmp_path / "file" / "out.jsonl", ROWS)


def test_a_pipe_and_a_file_without_end_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "zeros.csv").symlink_to("/dev/zero")
    (tmp_path / "sparse.json").touch()
    os.truncate(tmp_path / "sparse.json", 2**40)
    for name, said in (("pipe.jsonl", "no regular file"), ("zeros.csv", "no regular file"), ("sparse.json", "larger")):
        with pytest.raises(SourceError, match=rf"{name}: .*{said}"):
            read_rows(tmp_path / name)


def test_the_limit_of_a_cell_is_of_the_reader_and_not_of_the_process(tmp_path):
    long = tmp_path / "samples.csv"
    long.write_text("id,response\n" + f"1,{'x' * 200_000}\n" * 2)
    short = tmp_path / "set.csv"
    short.write_text("problem,answer\n1+1,2\n")
    before = csv.field_size_limit()
    rows = other_rows(long)[None]
    next(rows)
    assert len(read_rows(short)) == 1 and csv.field_size_limit() == before
    assert len(next(rows)[1]["response"]) == 200_000
