"""Acceptance, turn budget and draws as functions of the step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.schedules import AcceptanceSchedule, TurnBudget, sampling_seed, uniform_draw

KINDS = ("reciprocal", "scaled_reciprocal", "linear", "exponential", "cosine", "constant")


def test_the_papers_schedule_is_one_over_the_step() -> None:
    schedule = AcceptanceSchedule("reciprocal")
    assert [schedule(step) for step in (1, 2, 4, 100)] == [1.0, 0.5, 0.25, 0.01]


def test_scaled_reciprocal_halves_at_s0() -> None:
    assert AcceptanceSchedule("scaled_reciprocal", s0=20)(20) == 0.5


@pytest.mark.parametrize("kind", ["linear", "exponential", "cosine"])
def test_ends_where_it_is_told(kind: str) -> None:
    schedule = AcceptanceSchedule(kind, start=0.8, end=0.1, total_steps=11)
    assert schedule(1) == pytest.approx(0.8)
    assert schedule(11) == pytest.approx(0.1)
    assert schedule(50) == pytest.approx(0.1)


@given(st.sampled_from(KINDS), st.integers(1, 500), st.integers(1, 500))
def test_is_a_probability_that_never_rises(kind: str, step: int, total: int) -> None:
    schedule = AcceptanceSchedule(kind, start=1.0, end=0.01, total_steps=total)
    assert 0.0 <= schedule(step + 1) <= schedule(step) <= 1.0


@pytest.mark.parametrize("step", [0, -1, 1.5, True, "1", None])
def test_steps_start_at_one(step: object) -> None:
    with pytest.raises(ValueError, match="step"):
        AcceptanceSchedule()(step)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="step"):
        TurnBudget()(step)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments", [{"kind": "other"}, {"s0": 0}, {"start": 1.1}, {"end": -0.1}, {"kind": "exponential", "end": 0.0}]
)
def test_bad_schedules_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError):
        AcceptanceSchedule(**arguments)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 300), st.integers(1, 400))
def test_turn_budget_falls_from_train_to_evaluation(a: int, b: int, total: int, step: int) -> None:
    budget = TurnBudget(max(a, b), min(a, b), total)
    assert budget(1) == max(a, b)
    assert budget(step + 1) <= budget(step)
    assert budget(max(total, 2)) == min(a, b) or total == 1


def test_draws_depend_on_their_key_alone() -> None:
    assert uniform_draw(1, 2, 3, 4, 0, 1) == uniform_draw(1, 2, 3, 4, 0, 1)
    draws = [uniform_draw(1, step, 3, rollout, 0, 0) for step in range(50) for rollout in range(50)]
    assert len(set(draws)) == len(draws)
    assert 0.47 < sum(draws) / len(draws) < 0.53
    assert uniform_draw(1, 23) != uniform_draw(12, 3)
    assert 0 <= sampling_seed(1) < 2**31
