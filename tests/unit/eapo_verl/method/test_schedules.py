"""Acceptance, turn budget and draws as functions of the step."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.schedules import Schedule, ScheduleKind, TurnBudget, Weight

KINDS = get_args(ScheduleKind)
probabilities = st.floats(0.0, 1.0)
positive_probabilities = st.floats(1e-9, 1.0)


def test_the_papers_schedule_is_one_over_the_step() -> None:
    schedule = Schedule(kind="reciprocal")
    assert [schedule(step, 10) for step in (1, 2, 4, 100)] == [1.0, 0.5, 0.25, 0.01]


def test_scaled_reciprocal_halves_at_s0() -> None:
    assert Schedule(kind="scaled_reciprocal", s0=20)(20, 1) == 0.5


@pytest.mark.parametrize("kind", ["linear", "exponential", "cosine"])
def test_ends_where_it_is_told(kind: str) -> None:
    schedule = Schedule(kind=kind, start=0.8, end=0.1)
    assert schedule(1, 11) == pytest.approx(0.8)
    assert schedule(11, 11) == pytest.approx(0.1)
    assert schedule(50, 11) == pytest.approx(0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_usable_defaults(kind: ScheduleKind) -> None:
    schedule = Schedule(kind=kind)
    values = [schedule(step, 10) for step in range(1, 21)]
    assert values == sorted(values, reverse=True) and values[-1] >= 0.0 and values[0] <= 1.0
    assert values[9] == pytest.approx({"linear": 0.0, "cosine": 0.0, "exponential": 0.01}.get(kind, values[9]))


@given(
    st.sampled_from(KINDS),
    positive_probabilities,
    positive_probabilities,
    st.floats(1e-3, 1e6),
    st.integers(1, 500),
    st.integers(1, 500),
)
def test_is_a_probability_that_never_rises(
    kind: ScheduleKind, a: float, b: float, s0: float, step: int, total: int
) -> None:
    schedule = Schedule(kind=kind, s0=s0, start=max(a, b), end=min(a, b))
    now, then = schedule(step, total), schedule(step + 1, total)
    # Rounding may lift a constant stretch by a unit in the last place.
    assert 0.0 <= then <= now + 1e-12 and now <= 1.0


@given(st.sampled_from(("linear", "cosine")), probabilities, probabilities, st.integers(2, 500))
def test_a_schedule_may_rise_and_stays_between_its_ends(
    kind: ScheduleKind, start: float, end: float, total: int
) -> None:
    schedule = Schedule(kind=kind, start=start, end=end)
    assert schedule(1, total) == pytest.approx(start) and schedule(total, total) == pytest.approx(end)
    values = [schedule(step, total) for step in range(1, total + 2)]
    assert all(min(start, end) - 1e-12 <= value <= max(start, end) + 1e-12 for value in values)


@pytest.mark.parametrize("step", [0, -1, 1.0, 1.5, True, False, "1", None, np.float64(1), np.True_, np.int64(0)])
def test_steps_start_at_one(step: object) -> None:
    for function in (Schedule(), TurnBudget(), Weight(peak=1.0)):
        with pytest.raises(ValueError, match="a training step"):
            function(step, 1)  # type: ignore[operator]
        with pytest.raises(ValueError, match="number of steps"):
            function(1, step)  # type: ignore[operator]


@pytest.mark.parametrize("integer", [np.int32, np.int64, np.uint8])
def test_a_step_may_be_any_integer_type(integer: type) -> None:
    assert Schedule()(integer(4), 5) == 0.25
    assert TurnBudget(train=4)(integer(5), integer(5)) == 0
    assert type(TurnBudget(train=4)(integer(2), integer(5))) is int
    assert Weight(peak=2.0, kind="reciprocal")(integer(4), 5) == 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "other"},
        {"s0": 0},
        {"s0": float("inf")},
        {"s0": float("nan")},
        {"start": 1.1},
        {"start": float("nan")},
        {"end": -0.1},
        {"end": float("nan")},
        {"kind": "exponential", "end": 0.0},
        {"kind": "exponential", "start": 0.0},
        {"step": 1},
    ],
)
def test_bad_schedules_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments)) if len(arguments) == 1 else "exponential"):
        Schedule(**arguments)
    with pytest.raises(ValueError):
        Weight(peak=1.0, **arguments)


@given(st.floats(0.0, 100.0), st.sampled_from(KINDS), st.integers(1, 300), st.integers(1, 400))
def test_a_weight_is_its_peak_times_the_schedule(peak: float, kind: ScheduleKind, total: int, step: int) -> None:
    form = {"kind": kind, "s0": 7.0, "start": 1.0, "end": 0.5}
    weight = Weight(peak=peak, **form)
    assert weight(step, total) == peak * Schedule(**form)(step, total)
    assert 0.0 <= weight(step, total) <= peak


def test_a_weight_is_constant_unless_told_otherwise() -> None:
    assert [Weight(peak=0.3)(step, 1000) for step in (1, 1000)] == [0.3, 0.3]
    assert Weight()(1, 1) == 0.0


@pytest.mark.parametrize("peak", [-0.1, float("nan"), float("inf")])
def test_bad_peaks_are_refused(peak: float) -> None:
    with pytest.raises(ValueError, match="peak"):
        Weight(peak=peak)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 300), st.integers(1, 400))
def test_turn_budget_falls_from_train_to_evaluation(a: int, b: int, total: int, step: int) -> None:
    budget = TurnBudget(train=max(a, b), evaluation=min(a, b))
    assert budget(1, total) == max(a, b)
    assert min(a, b) <= budget(step + 1, total) <= budget(step, total)
    assert budget(total, total) == budget(total + step, total) == (min(a, b) if total > 1 else max(a, b))


def test_the_turn_budgets_line_is_rounded_down() -> None:
    assert [TurnBudget(train=4)(step, 9) for step in range(1, 11)] == [4, 3, 3, 2, 2, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("train", "evaluation", "said"),
    [(1, 2, "fewer"), (3, -1, "evaluation"), (2.5, 0, "train"), (True, 0, "train"), (2, "0", "evaluation")],
)
def test_bad_turn_budgets_are_refused(train: object, evaluation: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TurnBudget(train=train, evaluation=evaluation)  # type: ignore[arg-type]
