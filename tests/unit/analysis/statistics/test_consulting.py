"""What a policy does with its experts, on groups that can be counted by hand."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.intake.training_log import COLUMNS, TrainingLog
from analysis.intake.transcripts import read_transcripts
from analysis.statistics.consulting import BEHAVIOUR, PARTS, Facts, behaviour, closed, died, facts, parts_of
from tests.transcripts import query, rollout, turn, write_rollouts

ACCEPTED, SPARED = turn(query()), turn(query(fate="spared", reply=None))
HELD = turn(query(fate="gated", reply=None), let_through=False)


def made(tmp_path: Path, *rows: dict[str, Any]) -> list[Facts]:
    return facts(read_transcripts(write_rollouts(tmp_path / "rollouts.jsonl.gz", list(rows))))


def group(prompt: str, *rows: tuple[dict | None, bool], phase: str = "train", **changes: Any) -> list[dict]:
    return [
        rollout(*([] if asked is None else [asked]), correct=correct, prompt=prompt, phase=phase, **changes)
        for asked, correct in rows
    ]


def test_groups_tell_where_help_was_needed(tmp_path: Path) -> None:
    hard = group("hard", (ACCEPTED, True), (ACCEPTED, False), (SPARED, False), (HELD, False), (None, False))
    easy = group("easy", (ACCEPTED, True), (HELD, False), (HELD, True), (None, True), phase="discarded")
    # All of it had help: nobody knows.
    unknown = group("unknown", (ACCEPTED, True), (ACCEPTED, True))
    last = group("hard", (None, True), phase="validation")
    found = behaviour(made(tmp_path, *hard, *easy, *unknown, *last))
    assert list(found) == list(BEHAVIOUR) and found["rollouts"] == 11
    assert found["critical_rate"] == pytest.approx(1 / 2)
    assert found["let_through_critical"] == pytest.approx(3 / 4)
    assert found["held_back_critical"] == pytest.approx(1 / 3)
    assert found["needed_rate"] == pytest.approx(1 / 2)
    assert (found["self_resolve"], found["decompose"]) == pytest.approx((2 / 11, 9 / 11))


def test_the_same_problem_in_another_step_is_another_group(tmp_path: Path) -> None:
    rows = group("one", (ACCEPTED, True), (None, False)) + group("one", (ACCEPTED, True), (None, True), step=2)
    assert behaviour(made(tmp_path, *rows))["needed_rate"] == pytest.approx(1 / 2)


def test_what_consulting_earned_is_within_the_group_and_by_parts(tmp_path: Path) -> None:
    def reward(**parts: float) -> dict[str, float]:
        return {"answer": 0.0, "bonus": 0.0, "cost": 0.0, "overlong": 0.0} | parts

    rows = [
        rollout(ACCEPTED, reward=reward(answer=1.0, bonus=0.1)),
        rollout(SPARED, reward=reward(cost=0.2)),
        rollout(reward=reward(answer=1.0, overlong=-0.25)),
        # Here everybody asked: it teaches nothing about asking.
        rollout(ACCEPTED, prompt="other", reward=reward(answer=1.0)),
    ]
    found = behaviour(made(tmp_path, *rows))
    assert found["worth_groups"] == 1
    assert [found[f"worth_{part}"] for part in ("answer", "bonus", "cost")] == pytest.approx([-0.25, 0.05, -0.1])
    alone = behaviour(made(tmp_path, rows[2]))
    assert math.isnan(alone["worth_answer"]) and math.isnan(alone["mode_unclear"]) and alone["self_resolve"] == 1.0


@pytest.mark.parametrize(
    ("rates", "step"),
    [
        ([0.5, 0.2, 0.04, 0.0], 3),
        ([0.5, 0.01, 0.2, 0.04], 4),
        ([0.04, 0.01, 0.0, 0.0], 1),
        ([0.5, 0.0, 0.0, 0.05], None),
    ],
)
def test_consulting_dies_out_where_it_does_not_come_back(rates: list[float], step: int | None) -> None:
    columns = dict.fromkeys(COLUMNS, [None] * 5) | {"consult_rate": [None, *rates]}
    found = died(TrainingLog("eapo", 1, pd.DataFrame(columns, dtype=float)))
    assert found == step if step else math.isnan(found)


def test_it_is_closed_where_there_is_no_turn_left() -> None:
    columns = dict.fromkeys(COLUMNS, [None] * 5) | {"turn_budget": [None, 2, 1, 0, 0]}
    assert closed(TrainingLog("eapo", 1, pd.DataFrame(columns, dtype=float))) == 3
    columns |= {"turn_budget": [None, 2, 0, 1, 1]}
    assert math.isnan(closed(TrainingLog("eapo", 1, pd.DataFrame(columns, dtype=float))))


@pytest.mark.parametrize("last", [1, 4, 6, 24, 25, 1000])
def test_parts_are_the_whole_training_in_steps_as_alike_as_may_be(last: int) -> None:
    parts = parts_of(last)
    assert [step for first, end in parts for step in range(first, end + 1)] == list(range(1, last + 1))
    sizes = {end - first for first, end in parts}
    assert len(parts) == min(PARTS, last) and max(sizes) - min(sizes) <= 1
    assert parts_of(0) == []
