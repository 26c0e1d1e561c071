"""What learning curves say: against scipy, and on curves that can be read off."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import InputError
from analysis.intake.runs import COSTS, Run
from analysis.intake.training_log import COLUMNS, TrainingLog
from analysis.statistics.learning import (
    area,
    difference_over_seeds,
    learned,
    over_seeds,
    reached,
    share_over_seeds,
    shared_mean,
)

A, B, C = [0.5, 0.7, 0.6, 0.9], [0.4, 0.3, 0.5, 0.2], [0.4, 0.1]


def log(method: str = "eapo", seed: int = 1, **columns: list[float | None]) -> TrainingLog:
    absent = dict.fromkeys(COLUMNS, [None] * 5)
    return TrainingLog(method, seed, pd.DataFrame(absent | columns, dtype=float))


def run(method: str = "eapo", seed: int = 1, **costs: float | None) -> Run:
    return Run(method, seed, None, None, {}, {}, None, None, None, {}, dict.fromkeys(COSTS, 0.0) | costs)


def test_intervals_over_seeds_are_students() -> None:
    found = over_seeds(A)
    expected = stats.ttest_1samp(A, 0).confidence_interval()
    assert found == pytest.approx((np.mean(A), expected.low, expected.high))
    # As many seeds of both: Student's; else Welch's.
    for other, equal in ((B, True), (C, False)):
        found, tested = difference_over_seeds(A, other), stats.ttest_ind(A, other, equal_var=equal)
        interval = tested.confidence_interval()
        assert found == pytest.approx((np.mean(A) - np.mean(other), interval.low, interval.high))


def test_a_single_seed_has_no_interval_and_a_share_none_beyond_one() -> None:
    assert over_seeds([0.5])[0] == 0.5 and all(map(math.isnan, over_seeds([0.5])[1:]))
    value, low, high = difference_over_seeds(A, [0.5])
    assert value == pytest.approx(np.mean(A) - 0.5) and math.isnan(low) and math.isnan(high)
    assert all(map(math.isnan, over_seeds([])))
    assert share_over_seeds([0.02, 0.98])[1:] == (0.0, 1.0)


def test_the_area_is_the_mean_accuracy_on_the_way() -> None:
    curve = pd.Series([0.0, 0.8, 0.4], index=[0, 4, 8])
    assert area(curve, 0, 8) == pytest.approx((0.4 * 4 + 0.6 * 4) / 8)
    # Between measured steps, too.
    assert area(curve, 2, 6) == pytest.approx((0.4 + 0.8) / 4 + (0.8 + 0.6) / 4)
    for first, last in ((0, 9), (4, 4), (-1, 4)):
        assert math.isnan(area(curve, first, last))
    assert math.isnan(area(curve[:0], 0, 8))


def test_a_mark_is_reached_where_it_is_measured_first() -> None:
    curve = pd.Series([0.1, 0.5, 0.3, 0.6], index=[0, 2, 4, 6])
    assert [reached(curve, mark) for mark in (0.0, 0.3, 0.5, 0.55)] == [0, 2, 2, 6]
    assert math.isnan(reached(curve, 0.61))
    # A mean of thirds is as good as the third.
    assert reached(pd.Series([np.mean([0.1, 0.2, 0.3])], index=[3]), 0.2) == 3
    assert shared_mean([curve, pd.Series([0.3, 0.8], index=[0, 6])]).to_dict() == pytest.approx({0: 0.2, 6: 0.7})


def test_what_the_steps_do_not_tell_was_spent_before_the_first() -> None:
    validated = [0.2, None, 0.4, None, 0.8]
    steps = log(
        accuracy_val_unassisted=validated,
        policy_tokens=[None, 10, 20, 30, 40],
        expert_tokens=[None, 1, 0, 0, 0],
        expert_tokens_scored=[None, 0, 4, 0, 0],
    )
    known = run(policy_tokens_sampled=100.0, expert_tokens=51.0, expert_tokens_scored=4.0)
    one = learned([steps], [known])["eapo"]
    assert one.tokens is not None and one.tokens[0].to_dict() == {0: 50, 2: 85, 4: 155}
    assert one.tokens_span == (50, 155)
    assert one.at_cost(50) == [0.2] and one.at_cost(120) == pytest.approx([0.6]) and one.at_cost(155) == [0.8]
    assert all(math.isnan(one.at_cost(tokens)[0]) for tokens in (49, 156))
    # Of solutions alone: everything is bought before it starts.
    upright = learned([log(accuracy_val_unassisted=validated)], [known])["eapo"]
    assert upright.tokens_span == (155, 155) and upright.at_cost(155) == [0.8]


def test_costs_that_are_unknown_or_impossible() -> None:
    curve = {"accuracy_val_unassisted": [0.2, None, 0.4, None, 0.8]}
    for runs in ([], [run(seed=2)], [run(expert_tokens=None)]):
        one = learned([log(**curve)], runs)["eapo"]
        assert one.tokens is None and math.isnan(one.at_cost(1)[0]) and math.isnan(one.tokens_span[0])
    # Nor of a method one of whose runs does not tell.
    assert learned([log(**curve), log(seed=2, **curve)], [run()])["eapo"].tokens is None
    assert learned([log()], []) == {}
    with pytest.raises(InputError, match=r"eapo, seed 1: its steps have 5 tokens .* its run\.json 4 in all"):
        learned([log(**curve, policy_tokens=[None, 5, 0, 0, 0])], [run(policy_tokens_sampled=4.0)])


def test_curves_of_unlike_length_share_what_all_of_them_span() -> None:
    logs = [
        log(accuracy_val_unassisted=[0.2, None, 0.4, None, 0.8]),
        log(seed=2, accuracy_val_unassisted=[0.4, 0.5, None, 0.7, None]),
    ]
    one = learned(logs, [])["eapo"]
    assert one.span == (0, 3) and one.ends == [0.8, 0.7]
    assert one.areas(*one.span) == pytest.approx([(0.3 * 2 + 0.5) / 3, (0.45 + 0.6 * 2) / 3])
