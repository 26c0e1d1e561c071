"""Benchmarks: how questions are told apart, what is checked, what is said where nothing can be downloaded."""

import hashlib
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from tests import ROOT
from workflow.sources.benchmarks import REGISTRY, Benchmark, answers_digest, check, command, digest, prepare
from workflow.sources.command import SourceError
from workflow.sources.hub import GitHubFile, HubFile, PackageFile
from workflow.sources.problems import Problem, Row, as_row, parse

PUBLIC = HubFile("nobody/made_up", "0" * 40, "test.jsonl")
IDS = ("2099-I-1", "2099-I-2", "2099-II-1")
TRUTH = [Problem(name, f"Question {name}?", answer, "x") for name, answer in zip(IDS, ["7", "25", "100"], strict=True)]
MADE_UP = Benchmark(PUBLIC, IDS, digest(TRUTH)[:16], answers_digest(TRUTH)[:16])


def rows_of(problems: list[Problem], **extra: list) -> list[Row]:
    return [
        Row(f"row {n}", vars(p) | {key: values[n] for key, values in extra.items()}) for n, p in enumerate(problems)
    ]


def checked(rows: list[Row]) -> tuple[list[Problem], str]:
    return check("made_up", MADE_UP, rows, parse(rows, "x"))


def renamed(names: list[str]) -> list[Problem]:
    return [Problem(name, p.problem, p.answer, p.source) for name, p in zip(names, TRUTH, strict=True)]


def test_registry_counts_and_revisions():
    assert {name: len(entry.ids) for name, entry in REGISTRY.items()} == {
        "aime_2024": 30,
        "aime_2025": 30,
        "aimo_2025": 10,
        "humaneval": 164,
    }
    for entry in REGISTRY.values():
        assert len(set(entry.ids)) == len(entry.ids)
        if not isinstance(entry.public, PackageFile):
            assert len(entry.public.revision) == 40 and int(entry.public.revision, 16)


def test_digest_is_the_documented_one():
    lines = b"2099-I-1 7\n2099-I-2 25\n2099-II-1 100"
    assert digest(TRUTH) == hashlib.sha256(lines).hexdigest()
    assert answers_digest(TRUTH) == hashlib.sha256(b"7\n25\n100").hexdigest()


def test_own_ids_are_put_into_published_order():
    shuffled = random.Random(0).sample(TRUTH, 3)
    assert checked(rows_of(shuffled)) == (TRUTH, f"ids and answers match digest {MADE_UP.digest}")


def test_ids_come_from_urls_where_they_name_paper_and_number():
    urls = [
        f"https://example.org/wiki/2099_AIME_{part}_Problems/Problem_{n}" for part, n in [("II", 1), ("I", 1), ("I", 2)]
    ]
    found = [Problem(str(60 + n), p.problem, p.answer, "x") for n, p in enumerate([TRUTH[2], TRUTH[0], TRUTH[1]])]
    assert checked(rows_of(found, url=urls)) == (TRUTH, f"ids and answers match digest {MADE_UP.digest}")


@pytest.mark.parametrize("start", [0, 1])
def test_ids_come_from_row_numbers_where_the_answers_then_match(start):
    problems, said = checked(rows_of(renamed([str(start + n) for n in range(3)])))
    assert problems == TRUTH
    assert "from row numbers" in said


@pytest.mark.parametrize("names", [["q", "r", "s"], ["2", "0", "1"]])
def test_other_ids_are_kept_and_the_answers_alone_checked(names):
    problems, said = checked(rows_of(renamed(names)))
    assert [p.id for p in problems] == names
    assert said == f"answers alone match digest {MADE_UP.answers_digest}, ids are the file's own"


def test_row_numbers_in_another_order_keep_their_ids():
    swapped = [Problem(str(n), p.problem, p.answer, "x") for n, p in enumerate([TRUTH[1], TRUTH[0], TRUTH[2]])]
    problems, said = checked(rows_of(swapped))
    assert [p.id for p in problems] == ["0", "1", "2"]
    assert "answers alone" in said


@pytest.mark.parametrize("names", [list(IDS), ["0", "1", "2"], ["q", "r", "s"]])
def test_a_changed_answer_is_refused_under_any_ids(names):
    wrong = renamed(names)
    wrong[1] = Problem(names[1], "p", "26", "x")
    with pytest.raises(SourceError, match="an answer differs from the published"):
        checked(rows_of(wrong))


def test_answers_swapped_between_known_ids_are_refused():
    with pytest.raises(SourceError, match="an answer differs"):
        checked(rows_of(renamed([IDS[1], IDS[0], IDS[2]])))


def test_a_missing_problem_is_refused():
    with pytest.raises(SourceError, match="2 problems; it must be 3"):
        checked(rows_of(TRUTH[:2]))


def write(path: Path, problems: list[Problem]) -> Path:
    path.write_text("".join(json.dumps(vars(problem)) + "\n" for problem in problems))
    return path


def test_any_file_is_a_benchmark_and_has_no_digest(tmp_path):
    out = tmp_path / "data" / "own_set.jsonl"
    said = prepare(None, write(tmp_path / "own.jsonl", TRUTH), "integers_bare", out)
    assert said == "own_set: 3 problems of own.jsonl: no digest is known for them"
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows == [as_row(replace(problem, task="integers_bare")) for problem in TRUTH]


def test_the_name_of_a_public_benchmark_binds_no_file_that_is_not_said_to_be_its_copy(tmp_path):
    out = tmp_path / "aimo_2025.jsonl"
    prepare(None, write(tmp_path / "own.jsonl", TRUTH), "integers", out)
    assert [json.loads(line)["problem"] for line in out.read_text().splitlines()] == [p.problem for p in TRUTH]


def test_the_registered_benchmark_is_written_in_order_and_bad_files_write_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(REGISTRY, "made_up", MADE_UP)
    out = tmp_path / "made_up.jsonl"
    with pytest.raises(SourceError, match="2 problems; it must be 3"):
        prepare("made_up", write(tmp_path / "short.jsonl", TRUTH[:2]), "integers", out)
    assert not out.exists()
    prepare("made_up", write(tmp_path / "whole.jsonl", TRUTH[::-1]), "integers", out)
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == list(IDS)


def test_a_rule_of_the_contest_ends_each_problem_once(tmp_path, monkeypatch):
    rule = "Give the answer modulo 1000."
    monkeypatch.setitem(REGISTRY, "made_up", replace(MADE_UP, note=rule))
    out = tmp_path / "made_up.jsonl"
    prepare("made_up", write(tmp_path / "whole.jsonl", TRUTH), "integers", out)
    first = out.read_bytes()
    assert [json.loads(line)["problem"] for line in first.splitlines()] == [f"{p.problem}\n\n{rule}" for p in TRUTH]
    # What was written is as good a copy as the file that it came from.
    prepare("made_up", out, "integers", out)
    assert out.read_bytes() == first


def test_aimo_asks_for_the_answer_modulo_1000():
    notes = {name: entry.note for name, entry in REGISTRY.items() if entry.note}
    assert notes == {"aimo_2025": "Give the answer modulo 1000, as an integer between 0 and 999."}


@pytest.mark.parametrize("public", [PUBLIC, GitHubFile("nobody/made_up", "0" * 40, "test.json")])
def test_an_unreachable_server_is_one_line_that_offers_a_local_file(tmp_path, monkeypatch, public):
    # A closed port of this machine: the real client, and no name to resolve.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    huggingface_hub.close_session()
    monkeypatch.setitem(REGISTRY, "made_up", Benchmark(public, IDS, "", ""))
    with pytest.raises(SourceError) as caught:
        prepare("made_up", None, "integers", tmp_path / "out.jsonl")
    huggingface_hub.close_session()
    assert f"cannot download {public.label}" in str(caught.value)
    assert "benchmarks.made_up.path" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--path", "absent.jsonl", "--out", "x.jsonl"], "absent.jsonl: cannot be read"),
        (["--public", "gsm8k", "--out", "x.jsonl"], "must be one of aime_2024, aime_2025, aimo_2025"),
        (["--path", "y.jsonl", "--task", "poems", "--out", "x.jsonl"], "--task is 'poems'; it must be one of integers"),
        (["--public", "humaneval", "--out", "x.jsonl"], "--task is 'integers'; of humaneval it must be one of python"),
        (["--out", "x.jsonl"], "one of --public and --path is needed"),
        (["--public", "aime_2024"], "--out"),
        (["--public", "aime_2024", "--out", "x.jsonl", "--pat", "y"], "--pat"),
    ],
)
def test_the_command_ends_with_one_line_and_status_2(tmp_path, arguments, complaint):
    done = subprocess.run(
        [sys.executable, "-m", "workflow.sources.benchmarks", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sources: ") and done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert not (tmp_path / "x.jsonl").exists()


def test_the_first_questions_of_a_benchmark_alone(tmp_path):
    out = tmp_path / "humaneval.jsonl"
    command(["--public=humaneval", "--first=3", "--task=python_bare", f"--out={out}"])
    assert [json.loads(line)["id"] for line in out.open()] == ["HumanEval/0", "HumanEval/1", "HumanEval/2"]


@pytest.mark.parametrize("words", [["--public=humaneval", "--first=0"], ["--path=mine.jsonl", "--first=3"]])
def test_first_is_a_number_of_a_public_benchmarks_questions(words, tmp_path):
    with pytest.raises(SourceError, match=r"--first is [03]; it must be an integer of at least 1, of a public"):
        command([*words, f"--out={tmp_path / 'x.jsonl'}"])
