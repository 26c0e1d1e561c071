"""Programming problems out of reasoning-gym's pool, and rows whose own solution is no solution."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import tasks
from tasks.python import judge
from workflow.sources import benchmarks
from workflow.sources.command import SourceError
from workflow.sources.programs import command, generate, pool, said


@pytest.fixture(autouse=True, scope="module")
def _sandbox() -> None:
    try:
        judge().require()
    except tasks.CannotGrade as error:
        pytest.skip(str(error))


def item(
    number: int, returned: str = "x + {number}", before: str = "", inputs: str = "rng.randint(0, 99)"
) -> dict[str, Any]:
    return {
        "task_description": f"Add {number}.",
        "input_output_spec": "Input:\n  `x` (int): a number.",
        "code_sample": f"{before}\ndef main_solution(x, y=1):\n    return {returned.format(number=number)}",
        "input_generator": f"def generate_inputs(rng: Random) -> dict:\n    return {{'x': {inputs}}}",
    }


def test_a_problem_shows_one_case_and_is_graded_by_others() -> None:
    (problem,), _ = generate([item(7)], 1, 1, "python", frozenset())
    assert problem.id == "codeio-0" and problem.task == "python" and problem.source.endswith("codeio")
    assert problem.problem.startswith("Add 7.\n\nInput:")
    assert "a Python function `main_solution(x, y=1)`" in problem.problem
    python = tasks.task("python")
    assert python.normalise(problem.answer) == problem.answer
    assert python.grade("def main_solution(x, y=1): return 7.0 + x", problem.answer).correct
    shown = int(problem.problem.partition("(x=")[2].partition(")")[0])
    known = f"def main_solution(x): return {{{shown}: {shown + 7}}}.get(x)"
    assert python.grade(known, problem.answer).outcome == "failed"


def test_what_cannot_be_graded_is_left_out_and_counted() -> None:
    items = [
        item(1, before="import time"),
        item(2, "x + random.random()", before="import random"),
        item(3, "{number}"),
        item(4, "x / 0"),
        item(5, "(x, {number})"),
        item(6, "object()"),
        item(7, inputs="5"),
        item(8, "x +"),
        item(9, "1\n\ndel main_solution"),
        item(10, "open('/etc/passwd').read()"),
        item(11),
    ]
    (problem,), counts = generate(items, 1, 3, "python_bare", frozenset())
    assert problem.id == "codeio-10" and problem.task == "python_bare"
    with pytest.raises(SourceError, match="--n 2: the pool has 1 problems that are left"):
        generate(items, 2, 3, "python", frozenset())
    _, counts = generate(items[1:], 1, 8, "python", frozenset())
    assert set(counts) <= {"not repeatable", "constant", "raised", "no JSON", "invalid"}
    assert said(Counter(b=1, a=2)) == "2 a, 1 b"


def test_sets_share_no_problem_and_seeds_draw_different_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow.sources.programs.pool", lambda: [item(number) for number in range(6)])
    train, other, test = (tmp_path / f"{name}.jsonl" for name in ("train", "other", "test"))
    command(["--n", "3", "--seed", "1", "--out", str(train)])
    command(["--n", "3", "--seed", "2", "--out", str(other)])
    line = command(["--n", "3", "--seed", "2", "--exclude", str(train), "--out", str(test)])
    ids = [[json.loads(row)["id"] for row in path.read_text().splitlines()] for path in (train, other, test)]
    assert sorted(ids[0] + ids[2]) == [f"codeio-{number}" for number in range(6)] and ids[0] != ids[1]
    assert "3 problems of codeio, seed 2" in line
    with pytest.raises(SourceError, match="3 in another set"):
        command(["--n", "4", "--seed", "2", "--exclude", str(train), "--out", str(test)])


def test_the_pool() -> None:
    assert len(pool()) == 3002


def test_a_row_whose_own_solution_does_not_pass_is_refused_in_one_line(tmp_path: Path) -> None:
    row = {
        "task_id": 1,
        "text": "Double.",
        "code": "def double(x): return 2 * x",
        "test_list": ["assert double(2) == 4"],
    }
    path, out = tmp_path / "mbpp.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps(row) + "\n")
    benchmarks.prepare(None, path, "python", out)
    assert json.loads(out.read_text())["problem"].startswith("Double.")
    path.write_text(json.dumps(row) + "\n" + json.dumps(row | {"task_id": 2, "test_list": ["assert double(2) == 5"]}))
    said = r"mbpp.jsonl:2: its own solution does not pass its tests \(failed: line \d+ of the tests\)"
    with pytest.raises(SourceError, match=said):
        benchmarks.prepare(None, path, "python", out)
    # A look at the file runs nothing.
    assert len(benchmarks.read(None, path, "python")[0]) == 2
