"""Generated word problems: deterministic, distinct, disjoint from what is excluded, answers of 0-999."""

import json
from pathlib import Path

import pytest

from workflow.sources.command import SourceError
from workflow.sources.word_problems import FAMILIES, command


def generated(out: Path, *arguments: str) -> list[dict]:
    command([*arguments, "--out", str(out)])
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_gives_distinct_problems_with_integer_answers(tmp_path, family):
    rows = generated(tmp_path / "a.jsonl", "--n", "60", "--seed", "3", "--family", family)
    assert len(rows) == len({row["problem"] for row in rows}) == len({row["id"] for row in rows}) == 60
    assert all(set(row) == {"id", "problem", "answer", "source", "task"} for row in rows)
    assert all(0 <= int(row["answer"]) <= 999 and row["answer"] == str(int(row["answer"])) for row in rows)
    assert not any("boxed" in row["problem"] for row in rows)
    assert all(family in row["source"] and row["task"] == "integers" for row in rows)


def test_the_same_arguments_give_the_same_file_and_another_seed_another(tmp_path):
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    for out, seed in ((first, "1"), (again, "1"), (other, "2")):
        command(["--n", "40", "--seed", seed, "--out", str(out)])
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_neighbouring_seeds_are_no_shifts_of_each_other(tmp_path):
    texts = [
        [row["problem"] for row in generated(tmp_path / seed, "--n", "30", "--seed", seed, "--family", "gsm_symbolic")]
        for seed in ("1", "2")
    ]
    assert not set(texts[0]) & set(texts[1])


def test_excluded_problems_do_not_occur(tmp_path):
    train = tmp_path / "train.jsonl"
    seen = {row["problem"] for row in generated(train, "--n", "50", "--seed", "1")}
    rows = generated(tmp_path / "validation.jsonl", "--n", "50", "--seed", "1", "--exclude", str(train))
    assert len(rows) == 50
    assert not seen & {row["problem"] for row in rows}


def test_families_take_turns(tmp_path):
    rows = generated(
        tmp_path / "a.jsonl", "--n", "5", "--seed", "0", "--family", "leg_counting", "--family", "chain_sum"
    )
    assert [row["id"].split("-")[0] for row in rows] == ["leg_counting", "chain_sum"] * 2 + ["leg_counting"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--n", "0", "--seed", "1"], "--n is 0; it must be an integer of at least 1"),
        (["--n", "5", "--seed", "-1"], "--seed is -1"),
        (["--n", "five", "--seed", "1"], "invalid int value: 'five'"),
        (["--n", "5", "--seed", "1", "--family", "sudoku"], "invalid choice: 'sudoku'"),
        (["--n", "5", "--seed", "1", "--task", "poems"], "invalid choice: 'poems'"),
        (["--n", "5", "--seed", "1", "--exclude", "absent.jsonl"], "absent.jsonl: cannot be read"),
        (["--n", "101", "--seed", "1", "--family", "products"], "products has no new problem left for number 101"),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(tmp_path, monkeypatch, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        command([*arguments, "--out", "out.jsonl"])
    assert complaint in str(caught.value)
    assert not list(tmp_path.iterdir())
