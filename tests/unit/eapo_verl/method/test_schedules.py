"""Acceptance, turn budget and draws as functions of the step."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.schedules import (
    AcceptanceKind,
    AcceptanceSchedule,
    TurnBudget,
    Weight,
    sampling_seed,
    uniform_draw,
)

KINDS = get_args(AcceptanceKind)
probabilities = st.floats(0.0, 1.0)
positive_probabilities = st.floats(1e-9, 1.0)


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


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_usable_defaults(kind: AcceptanceKind) -> None:
    schedule = AcceptanceSchedule(kind, total_steps=10)
    values = [schedule(step) for step in range(1, 21)]
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
    kind: AcceptanceKind, a: float, b: float, s0: float, step: int, total: int
) -> None:
    schedule = AcceptanceSchedule(kind, s0, max(a, b), min(a, b), total)
    now, then = schedule(step), schedule(step + 1)
    # Rounding may lift a constant stretch by a unit in the last place.
    assert 0.0 <= then <= now + 1e-12 and now <= 1.0


@given(st.sampled_from(("linear", "cosine")), probabilities, probabilities, st.integers(2, 500))
def test_a_schedule_may_rise_and_stays_between_its_ends(
    kind: AcceptanceKind, start: float, end: float, total: int
) -> None:
    schedule = AcceptanceSchedule(kind, start=start, end=end, total_steps=total)
    assert schedule(1) == pytest.approx(start) and schedule(total) == pytest.approx(end)
    assert all(min(start, end) - 1e-12 <= schedule(step) <= max(start, end) + 1e-12 for step in range(1, total + 2))


@pytest.mark.parametrize("step", [0, -1, 1.0, 1.5, True, False, "1", None, np.float64(1), np.True_, np.int64(0)])
def test_steps_start_at_one(step: object) -> None:
    for function in (AcceptanceSchedule(), TurnBudget(), Weight(1.0)):
        with pytest.raises(ValueError, match="step"):
            function(step)  # type: ignore[operator]


@pytest.mark.parametrize("integer", [np.int32, np.int64, np.uint8])
def test_a_step_may_be_any_integer_type(integer: type) -> None:
    assert AcceptanceSchedule()(integer(4)) == 0.25
    assert TurnBudget(4, 0, integer(5))(integer(5)) == 0
    assert type(TurnBudget(4, 0, integer(5))(integer(2))) is int
    assert Weight(2.0, "reciprocal")(integer(4)) == 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "other"},
        {"s0": 0},
        {"s0": float("inf")},
        {"s0": float("nan")},
        {"start": 1.1},
        {"end": -0.1},
        {"end": float("nan")},
        {"kind": "exponential", "end": 0.0},
        {"kind": "exponential", "start": 0.0},
        {"total_steps": 0},
    ],
)
def test_bad_schedules_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError):
        AcceptanceSchedule(**arguments)
    with pytest.raises(ValueError):
        Weight(1.0, **arguments)


@given(st.floats(0.0, 100.0), st.sampled_from(KINDS), st.integers(1, 300), st.integers(1, 400))
def test_a_weight_is_its_peak_times_the_schedule(peak: float, kind: AcceptanceKind, total: int, step: int) -> None:
    weight = Weight(peak, kind, 7.0, 1.0, 0.5, total)
    assert weight(step) == peak * AcceptanceSchedule(kind, 7.0, 1.0, 0.5, total)(step)
    assert 0.0 <= weight(step) <= peak


def test_a_weight_is_constant_unless_told_otherwise() -> None:
    assert [Weight(0.3)(step) for step in (1, 1000)] == [0.3, 0.3]


@pytest.mark.parametrize("peak", [-0.1, float("nan"), float("inf")])
def test_bad_peaks_are_refused(peak: float) -> None:
    with pytest.raises(ValueError, match="peak"):
        Weight(peak)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 300), st.integers(1, 400))
def test_turn_budget_falls_from_train_to_evaluation(a: int, b: int, total: int, step: int) -> None:
    budget = TurnBudget(max(a, b), min(a, b), total)
    assert budget(1) == max(a, b)
    assert min(a, b) <= budget(step + 1) <= budget(step)
    assert budget(total) == budget(total + step) == (min(a, b) if total > 1 else max(a, b))


def test_the_turn_budgets_line_is_rounded_down() -> None:
    assert [TurnBudget(4, 0, 9)(step) for step in range(1, 11)] == [4, 3, 3, 2, 2, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("arguments", [(1, 2), (3, -1), (2.5, 0), (True, 0), (2, 0, 0)])
def test_bad_turn_budgets_are_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError):
        TurnBudget(*arguments)


def test_draws_depend_on_their_key_alone() -> None:
    assert uniform_draw(1, 2, 3, 4, 0, 1) == uniform_draw(1, 2, 3, 4, 0, 1)
    draws = [uniform_draw(1, step, 3, rollout, 0, 0) for step in range(50) for rollout in range(50)]
    assert len(set(draws)) == len(draws)
    assert 0.47 < sum(draws) / len(draws) < 0.53
    assert uniform_draw(1, 23) != uniform_draw(12, 3)
    assert 0 <= sampling_seed(1) < 2**31


@given(st.lists(st.integers(0, 2**63) | st.text(st.characters(categories=["L"])), min_size=1, max_size=6))
def test_a_draw_is_the_same_every_time(key: list[int | str]) -> None:
    assert 0.0 <= uniform_draw(*key) == uniform_draw(*key) < 1.0
    assert uniform_draw(*key) != uniform_draw(*key, 0)


@given(st.integers(0, 2**31))
def test_draws_are_spread_evenly(seed: int) -> None:
    draws = np.array([uniform_draw(seed, step, 0, 0, 0, 0) for step in range(2000)])
    # Kolmogorov-Smirnov's distance; more than 0.07 is rarer than one in ten million for a uniform sample of this size.
    distance = np.abs(np.sort(draws) - np.arange(2000) / 2000).max()
    assert distance < 0.07
