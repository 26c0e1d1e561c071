"""The problems of the embedded world: their tables, their answers, their proportions, their files."""

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow.embedded import problems
from workflow.embedded.problems import DIFFICULTIES, RARE, TABLES, make_problems, shares, solution, solve_chain

untimed = settings(deadline=None, max_examples=50)
CHAIN = re.compile(r"[0-9](?:[-+*@#][0-9]){1,2}")
chains = st.from_regex(r"[0-9]([-+*@#][0-9]){1,2}", fullmatch=True)


def independent_value(chain: str) -> int:
    """The chain by Python's own arithmetic: tables are read at the end, not on the way."""
    steps = re.findall(r"([-+*@#])([0-9])", chain)
    value = int(chain[0])
    for operator, operand in steps:
        if operator in RARE:
            value = TABLES[operator][value][int(operand)]
        else:
            value = eval(f"({value}){operator}{operand}") % 10
    return value


def test_tables_are_the_ones_that_every_run_has() -> None:
    digest = hashlib.sha256(json.dumps(TABLES).encode()).hexdigest()
    assert digest.startswith("c8c1ebf3a06a7848")


def test_tables_are_complete_and_differ() -> None:
    for table in TABLES.values():
        assert [len(row) for row in table] == [10] * 10
        assert {value for row in table for value in row} == set(range(10))
    assert TABLES["@"] != TABLES["#"]


@untimed
@given(chains)
def test_chain_agrees_with_an_independent_evaluation(chain: str) -> None:
    steps, value = solve_chain(chain)
    assert value == independent_value(chain)
    assert steps.endswith(f"={value}")
    for step in steps.split(","):
        assert independent_value(step[:3]) == int(step[4])


@untimed
@given(chains, st.integers(0, 9))
def test_rare_values_come_from_the_lookup_given(chain: str, value: int) -> None:
    steps, _ = solve_chain(chain, lambda *_: value)
    assert all(step[4] == str(value) for step in steps.split(",") if step[1] in RARE)


def test_solution_has_the_documented_form() -> None:
    values = {("@", 1, 3): 6, ("#", 9, 5): 4}
    written = solution("4+7@3;1*2;9#5-8", lambda *entry: values[entry])
    assert written == "4+7=1,1@3=6;1*2=2;9#5=4,4-8=6;\\boxed{626}"


def test_every_problem_is_well_formed_and_its_answer_right() -> None:
    for problem in make_problems(400, 5, "some"):
        parts = problem.problem.split(";")
        assert len(parts) == len(set(parts)) == 3 and all(CHAIN.fullmatch(part) for part in parts)
        assert 3 <= sum(len(part) // 2 for part in parts) <= 5
        assert problem.difficulty == sum(problem.problem.count(operator) for operator in RARE)
        assert problem.answer == str(sum(independent_value(c) * 10**i for i, c in enumerate(reversed(parts))))
        assert int(problem.solution.removesuffix("}").rpartition("{")[2]) == int(problem.answer)


@untimed
@given(st.integers(1, 5000))
def test_shares_add_up_and_stay_within_one_of_the_proportions(n: int) -> None:
    counts = shares(n)
    assert sum(counts) == n
    assert all(abs(count - share * n) < 1 for count, share in zip(counts, DIFFICULTIES, strict=True))


def test_a_set_has_the_proportions_in_random_order() -> None:
    drawn = [problem.difficulty for problem in make_problems(200, 1, "some")]
    assert [drawn.count(level) for level in range(4)] == [40, 70, 60, 30]
    assert drawn != sorted(drawn)


def test_sets_repeat_with_their_seed_and_avoid_what_is_excluded() -> None:
    first = make_problems(60, 3, "one")
    assert first == make_problems(60, 3, "one")
    texts = {problem.problem for problem in first}
    again = make_problems(60, 3, "two", texts)
    assert texts.isdisjoint(problem.problem for problem in again)
    assert texts != {problem.problem for problem in make_problems(60, 4, "one")}


@untimed
@given(st.integers(0, 3), st.integers(0, 2**32))
def test_a_drawn_problem_has_the_difficulty_asked_for(difficulty: int, seed: int) -> None:
    drawn = problems.draw_problem(random.Random(seed), difficulty)
    assert sum(drawn.count(operator) for operator in RARE) == difficulty


def test_command_writes_disjoint_sets_alike_every_time(tmp_path: Path) -> None:
    # The sets share a seed, so that only the exclusion keeps them apart.
    sets = ["--set", "train=300:7", "--set", "validation=64:7", "--set", "chains_a=30:7"]
    for folder in ("a", "b"):
        assert problems.main([*sets, "--out-dir", str(tmp_path / folder)]) == 0
    seen: list[str] = []
    for name, size in (("train", 300), ("validation", 64), ("chains_a", 30)):
        text = (tmp_path / "a" / f"{name}.jsonl").read_text()
        assert text == (tmp_path / "b" / f"{name}.jsonl").read_text()
        rows = [json.loads(line) for line in text.splitlines()]
        assert len(rows) == size and len({row["id"] for row in rows}) == size
        assert all(set(row) == {"id", "problem", "answer", "source", "solution", "difficulty", "task"} for row in rows)
        assert all(isinstance(row["answer"], str) and row["source"] == name for row in rows)
        seen += [row["problem"] for row in rows]
    assert len(set(seen)) == len(seen)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "chains_a.jsonl",
        "train.jsonl",
        "validation.jsonl",
    ]


def test_sets_made_one_by_one_are_those_made_together(tmp_path: Path) -> None:
    sets = ["train=300:7", "validation=64:7", "chains_a=30:7"]
    assert problems.main([*(part for one in sets for part in ("--set", one)), "--out-dir", str(tmp_path / "a")]) == 0
    excluded: list[str] = []
    for one in sets:
        assert problems.main(["--set", one, *excluded, "--out-dir", str(tmp_path / "b")]) == 0
        file = f"{one.partition('=')[0]}.jsonl"
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        excluded += ["--exclude", str(tmp_path / "b" / file)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out-dir", "d"], "--set"),
        (["--set", "train=4096:11"], "--out-dir"),
        (["--set", "train", "--out-dir", "d"], "NAME=SIZE:SEED"),
        (["--set", "train=0:1", "--out-dir", "d"], "train=0:1"),
        (["--set", "../up=3:1", "--out-dir", "d"], "../up"),
        (["--set", "a=3:1", "--set", "a=4:2", "--out-dir", "d"], "twice"),
        (["--set", "a=3:1", "--out-dir", "file/below"], "file"),
        (["--set", "a=3:1", "--exclude", "absent", "--out-dir", "d"], "cannot read absent"),
        (["--set", "a=3:1", "--exclude", "file", "--out-dir", "d"], "file is no file of problems"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str], said: str, complaint: Callable[[Callable[[list[str]], int], list[str]], str]
) -> None:
    assert said in complaint(problems.main, arguments)
