"""Which rows are taken, which are held out, and which problems are another set's."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from workflow.sources import hold_out, overlap
from workflow.sources.command import SourceError
from workflow.sources.problems import Row, parse
from workflow.sources.selection import Selection, select


def rows(*fields: dict[str, Any]) -> list[Row]:
    return [Row(f"row {number}", one) for number, one in enumerate(fields, 1)]


def test_columns_may_lie_in_each_other_and_numbers_in_a_range() -> None:
    made = [{"turns": [{"text": f"Problem {n}"}], "meta": {"answer": n, "Level": n}, "a.b": n % 2} for n in range(1, 7)]
    selection = Selection.model_validate(
        {
            "columns": {"problem": "Turns.0.text", "answer": "meta.answer"},
            "filters": {"meta.Level": {"min": 2, "max": 5}, "a.b": [0]},
        }
    )
    taken, left_out = select(rows(*made), selection, "integers")
    assert [(row.text("problem"), row.text("answer")) for row in taken] == [("Problem 2", "2"), ("Problem 4", "4")]
    assert left_out == {"filtered": 4}


@pytest.mark.parametrize(
    ("selection", "complaint"),
    [
        ({"columns": {"answer": "solution"}}, "row 1: no column 'solution'; found: problem, answer"),
        ({"filters": {"level": [1]}}, "row 1: no column 'level'"),
        ({"template": {"before": "Solve:"}}, "row 1: 'One?' is not what stands between"),
        ({"filters": {"problem": ["Two?"]}}, "no problem is left: 1 filtered"),
        ({"columns": {"answer": "problem"}}, "row 1: "),
        ({"columns": {"answer": "problem"}, "unusable": "left_out"}, "no problem is left: 1 unusable"),
    ],
)
def test_what_does_not_fit_the_rows_is_said(selection: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SourceError) as caught:
        select(rows({"problem": "One?", "answer": "1"}), Selection.model_validate(selection), "integers")
    assert complaint in str(caught.value)


def test_a_missing_column_is_not_left_out_row_by_row() -> None:
    with pytest.raises(SourceError, match="no column for 'answer'"):
        select(rows({"problem": "One?"}), Selection(unusable="left_out"), "integers")


def test_options_in_columns_are_put_behind_what_is_taken_of_a_problem_once() -> None:
    made = {"stem": "Q: Which is it?", "choices": ["Rome", "Paris"], "key": 1}
    selection = Selection.model_validate(
        {
            "columns": {"problem": "stem", "answer": "key"},
            "template": {"before": "Q:"},
            "deduplicate": True,
            "unusable": "left_out",
        }
    )
    others = made | {"choices": ["Paris", "Oslo"]}, made | {"key": 7}, made
    taken, left_out = select(rows(made, *others), selection, "choice")
    assert left_out == {"unusable": 1, "repeated": 1}
    assert [(one.problem, one.answer) for one in parse(taken, "x", "choice")] == [
        ("Which is it?\n\nA) Rome\nB) Paris", "B"),
        ("Which is it?\n\nA) Paris\nB) Oslo", "B"),
    ]


@pytest.mark.parametrize("wrong", [{"filters": {"a": {}}}, {"filters": {"a": {"min": 2, "max": 1}}}])
def test_a_range_that_holds_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="min"):
        Selection.model_validate(wrong)


def test_held_out_problems_go_by_their_texts_alone() -> None:
    made = rows(*({"id": str(n), "problem": f"Problem {n}", "answer": "1"} for n in range(20)))
    kept, held = hold_out.hold_out(made, 5, 0)
    assert len(held) == 5 and sorted([*kept, *held], key=made.index) == made
    # Another order, and a problem that stands there twice.
    again = Row("row 21", {"id": "again", "problem": f"  {held[0].text('problem').upper()}", "answer": "1"})
    kept_again, held_again = hold_out.hold_out([*made[::-1], again], 5, 0)
    assert [row.text("problem").casefold().strip() for row in held_again] == [
        row.text("problem").casefold() for row in held
    ]
    assert again not in kept_again and len(kept_again) == len(kept)
    assert [row.text("id") for row in hold_out.hold_out(made, 5, 1)[1]] != [row.text("id") for row in held]
    with pytest.raises(SourceError, match="20 of 20 different problems"):
        hold_out.hold_out(made, 20, 0)


def test_parts_are_written_with_where_they_are_from(tmp_path: Path) -> None:
    whole = tmp_path / "train.whole.jsonl"
    made = [{"id": str(n), "problem": f"Problem {n}", "answer": "1"} for n in range(9)]
    whole.write_text("".join(json.dumps(one) + "\n" for one in made))
    (tmp_path / "train.whole.source.json").write_text('{"repository": "r"}')
    given = ["--problems", str(whole), "--size", "4", "--seed", "0"]
    parts = {"train": [], "validation": ["--take", "0:3"], "tuning": ["--take", "3:1"]}
    for name, take in parts.items():
        hold_out.command([*given, *take, "--out", str(tmp_path / f"{name}.jsonl")])
    found = {name: (tmp_path / f"{name}.jsonl").read_text().splitlines() for name in parts}
    assert {name: len(lines) for name, lines in found.items()} == {"train": 5, "validation": 3, "tuning": 1}
    assert sorted(line for lines in found.values() for line in lines) == whole.read_text().splitlines()
    source = json.loads((tmp_path / "validation.source.json").read_text())
    assert source == {"repository": "r", "part": {"held_out": 4, "seed": 0, "take": "0:3", "problems": 3}}
    asked = tmp_path / "asked.jsonl"
    hold_out.command([*given, "--take", "0:1", "--instruction", "Be brief.", "--out", str(asked)])
    assert json.loads(asked.read_text()) == json.loads(found["validation"][0]) | {"instruction": "Be brief."}
    with pytest.raises(SourceError, match="within the 4 held out"):
        hold_out.command([*given, "--take", "3:2", "--out", str(tmp_path / "more.jsonl")])


PHRASE = "where m and n are relatively prime positive integers find m plus n today"
LONG = "A train leaves the old station at noon and meets another one after exactly {} hours"


def problems(*texts: str, name: str = "t") -> list[Row]:
    return rows(*({"id": f"{name}{number}", "problem": text, "answer": "1"} for number, text in enumerate(texts)))


def test_overlap_is_equality_of_words_and_signs_or_a_long_run_of_words() -> None:
    assert len(PHRASE.split()) >= 13
    train = problems(
        "What is $3 + 5$?",  # equal but for dollars and case
        "What is 3 - 5?",  # another sign
        f"Look: {LONG.format(3).upper()}, why?",  # a run
        "A train leaves the old station at noon and meets nobody",  # too short a run
        *(f"Problem {n}, {PHRASE}." for n in range(3)),  # a phrase
    )
    tests = problems("what is 3+5", LONG.format(7), f"Other, {PHRASE}", name="q")
    found = overlap.overlapping(train, tests, words=13, common=2)
    assert [(pair.train, pair.problem) for pair in found] == [("t0", "q0"), ("t2", "q1")]
    assert found[0].shared is None
    assert found[1].shared == "a train leaves the old station at noon and meets another one after"
    # A phrase is one by how many training problems it is in.
    assert len(overlap.overlapping(train, tests, words=13, common=3)) == 5


def test_overlap_is_counted_by_benchmark_and_more_than_allowed_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, made in {
        "train": problems("Same?", "Other?"),
        "a": problems("same", name="a"),
        "b": problems("No"),
    }.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row.fields) + "\n" for row in made))
    out = tmp_path / "overlap.json"
    sets = [f"--train={tmp_path / 'train.jsonl'}", *(f"--benchmark={name}={tmp_path / name}.jsonl" for name in "ab")]
    said = overlap.command([*sets, f"--out={out}"])
    assert said == "1 of 2 training problems overlap with benchmarks (a 1 equal and 0 in part, b 0 equal and 0 in part)"
    assert json.loads(out.read_text()) == {
        "words": 13,
        "common": 10,
        "train": 2,
        "overlapping": 1,
        "benchmarks": {"a": [{"train": "t0", "problem": "a0", "shared": None}], "b": []},
    }
    assert overlap.command([*sets, "--most=1", f"--out={out}"]) == said
    with pytest.raises(SourceError, match=r"^overlap\.most: 1 of 2 .*; allowed are 0: the pairs are in the log above$"):
        overlap.command([*sets, "--most=0", f"--out={out}"])
    assert capsys.readouterr().out == "t0 and a a0: equal\n"
