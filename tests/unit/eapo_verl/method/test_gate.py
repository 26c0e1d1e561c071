"""Which consultations are let through."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.draws import uniform_draw
from eapo_verl.method.gate import Confidence, gate, top_k_entropy

log_probs = st.lists(st.floats(-50.0, 0.0), min_size=1, max_size=50)
fractions = st.floats(0.0, 1.0)


def measured(values: list[float], window: int, signal: str = "log_prob") -> float:
    return Confidence(window=window, signal=signal).measure(values)


def test_confidence_is_the_mean_over_the_window() -> None:
    assert measured([-9.0, -1.0, -3.0], 2) == -2.0
    assert measured([-1.0, -3.0], 100) == -2.0
    assert measured([0.5, 1.5], 2, "entropy") == -1.0


@given(log_probs, st.integers(1, 60))
def test_confidence_lies_among_its_values_and_looks_at_the_last_alone(values: list[float], window: int) -> None:
    found = measured(values, window)
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
    assert found == measured(values[-window:], window) == measured([-1.0] * 3 + values, min(window, len(values)))
    assert found == measured([-value for value in values], window, "entropy")


@pytest.mark.parametrize("values", [[], [float("-inf")], [float("nan")]])
def test_bad_confidences_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="confidence"):
        Confidence().measure(values)


@pytest.mark.parametrize(
    "settings",
    [
        {"window": 0},
        {"signal": "p"},
        {"threshold": float("nan")},
        {"quantile": -0.1},
        {"quantile": 1.1},
        {"quantile": float("nan")},
        {"smoothing": 0.0},
        {"smoothing": 1.1},
    ],
)
def test_bad_settings_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Confidence(**settings)


@given(st.floats(-9.0, 0.0), st.floats(-9.0, 0.0) | st.none(), st.floats(0.0, 0.999), fractions)
def test_gates(confidence: float, threshold: float | None, draw: float, p: float) -> None:
    assert gate("learned", confidence, threshold, draw, p)
    assert gate("always", confidence, threshold, draw, p)
    assert not gate("never", confidence, threshold, draw, p)
    assert gate("random", confidence, threshold, draw, p) == (draw < p)
    assert gate("confidence_gated", confidence, threshold, draw, p) == (threshold is None or confidence < threshold)


def test_at_the_threshold_nothing_is_let_through() -> None:
    assert not gate("confidence_gated", -1.0, -1.0)
    assert gate("confidence_gated", -1.1, -1.0)


def test_a_random_gate_lets_its_share_through() -> None:
    passed = [gate("random", draw=uniform_draw("gate", index), p=0.3) for index in range(4000)]
    assert 0.27 < sum(passed) / len(passed) < 0.33


@pytest.mark.parametrize(
    "arguments",
    [{"kind": "maybe"}, {"kind": "random", "p": 1.1}, {"kind": "random", "draw": 1.0}, {"kind": "random", "p": -0.1}],
)
def test_bad_gates_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match="trigger"):
        gate(**arguments)


def test_a_threshold_needs_a_confidence() -> None:
    with pytest.raises(ValueError, match="confidence"):
        gate("confidence_gated", None, -1.0)


def test_the_first_step_with_consultations_sets_the_threshold() -> None:
    follow = Confidence(quantile=0.5, smoothing=0.25).follow
    assert follow(None, []) is None
    assert follow(None, [-3.0, -1.0, -2.0]) == -2.0
    assert follow(-2.0, [-4.0]) == -2.5
    assert follow(-2.0, []) == -2.0


def test_an_absolute_threshold_stays() -> None:
    follow = Confidence(threshold=-1.5).follow
    assert follow(-1.5, [-9.0]) == follow(None, []) == -1.5


@given(fractions, st.floats(0.01, 1.0), st.lists(st.lists(st.floats(-50.0, 0.0), max_size=9), max_size=9))
def test_the_threshold_stays_among_what_was_seen_and_resumes(q: float, smoothing: float, steps: list) -> None:
    quantile = Confidence(quantile=q, smoothing=smoothing).follow
    threshold, seen = None, []
    for step in steps:
        seen += step
        # A resumed run has nothing but the number.
        assert Confidence(quantile=q, smoothing=smoothing).follow(threshold, step) == quantile(threshold, step)
        threshold = quantile(threshold, step)
        assert (threshold is None) == (not seen)
        assert threshold is None or min(seen) - 1e-9 <= threshold <= max(seen) + 1e-9


@given(log_probs, fractions, fractions)
def test_a_higher_quantile_is_no_lower(values: list[float], a: float, b: float) -> None:
    low, high = (Confidence(quantile=q, smoothing=1.0).follow(None, values) for q in sorted((a, b)))
    assert low is not None and high is not None and low <= high + 1e-9


def test_a_steady_policy_is_let_through_at_the_quantile() -> None:
    quantile, threshold = Confidence(quantile=0.3, smoothing=0.2).follow, None
    for step in range(60):
        threshold = quantile(threshold, [-uniform_draw(step, index) for index in range(50)])
    passed = [gate("confidence_gated", -uniform_draw("new", index), threshold) for index in range(1000)]
    assert 0.22 < sum(passed) / len(passed) < 0.38


def test_a_confidence_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Confidence().follow(None, [float("nan")])


def test_the_entropy_of_all_tokens_is_exact_and_of_some_a_lower_bound() -> None:
    p = [0.5, 0.25, 0.125, 0.125]
    exact = -sum(one * math.log(one) for one in p)
    logs = [math.log(one) for one in p]
    assert top_k_entropy(logs) == pytest.approx(exact)
    assert top_k_entropy([*logs, None]) == pytest.approx(exact)
    # The two that are left out count as one.
    assert top_k_entropy(logs[:2]) == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(4) * 2)
    assert top_k_entropy([0.0]) == 0.0
