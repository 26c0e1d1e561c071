"""Verdicts: what is concluded of a comparison, and that simulated families find and err as often as they should."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from analysis.statistics.claims import claims
from analysis.statistics.coverage import Design
from analysis.statistics.outcome import only_p, t_outcome
from analysis.statistics.reported import replication, reported_difference
from analysis.statistics.significance import crossed_test
from analysis.statistics.verdict import equivalence_p, has_room, verdict

# Whether a call is quick depends on the machine.
untimed = settings(deadline=None, max_examples=50)


@untimed
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0.001, 0.3))
def test_equivalence_is_the_two_one_sided_tests_of_statsmodels(seed: int, questions: int, margin: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((questions, 1)), rng.random((questions, 1))
    # With one seed of either, the crossed test is the paired one.
    expected, *_ = DescrStatsW((a - b)[:, 0]).ttost_mean(-margin, margin)
    assert equivalence_p(crossed_test(a, b), margin) == pytest.approx(expected)


def test_equivalence_without_variance_or_without_a_test() -> None:
    assert equivalence_p(t_outcome(0.019, 0.0, 9), 0.02) == 0.0
    assert equivalence_p(t_outcome(0.02, 0.0, 9), 0.02) == equivalence_p(t_outcome(-0.5, 0.0, 9), 0.02) == 1.0
    assert math.isnan(equivalence_p(only_p(0.1), 0.02))


@pytest.mark.parametrize(
    ("difference", "p", "p_equivalence", "room", "said"),
    [
        (0.1, 0.01, 0.9, True, "higher"),
        (-0.1, 0.049, 0.9, True, "lower"),
        (0.1, 0.05, 0.05, True, "not shown"),
        (0.005, 0.01, 0.01, True, "negligible"),
        (-0.005, 0.01, 0.01, True, "negligible"),
        (0.001, 0.8, 0.049, True, "equivalent"),
        (0.001, 0.8, 0.049, False, "undecidable"),
        (0.1, 0.001, 0.9, False, "undecidable"),
        (0.1, math.nan, math.nan, True, "undecidable"),
    ],
)
def test_verdicts(difference: float, p: float, p_equivalence: float, room: bool, said: str) -> None:
    assert verdict(only_p(difference), p, p_equivalence, room) == said


def test_there_is_no_room_where_both_are_at_one_end() -> None:
    assert not has_room(0.01, 0.019) and not has_room(0.99, 1.0)
    assert has_room(0.01, 0.02) and has_room(0.5, 0.5) and has_room(0.99, 0.5)


@pytest.mark.parametrize(
    ("interval", "shown", "said"),
    [
        ((0.01, 0.09), True, "consistent"),
        ((0.01, 0.09), False, "cannot tell"),
        ((-0.02, 0.05), False, "cannot tell"),
        ((-0.02, 0.04), False, "smaller than reported"),
        ((0.01, 0.04), True, "smaller than reported"),
        ((-0.09, -0.05), True, "smaller than reported"),
        ((0.05, 0.09), True, "larger than reported"),
    ],
)
def test_an_interval_stands_to_the_paper_s_number_whichever_way_it_is_asked(
    interval: tuple[float, float], shown: bool, said: str
) -> None:
    assert replication(0.0491, interval, shown) == said
    assert replication(-0.0491, (-interval[1], -interval[0]), shown) == said


def test_two_readings_of_one_of_its_methods_are_no_difference_that_the_paper_reports() -> None:
    assert reported_difference("eapo_paper", "self_exploratory") == pytest.approx(0.0491)
    assert reported_difference("eapo", "eapo_paper") is None


def test_verdicts_are_found_as_often_as_planned_and_wrong_no_more_often_than_they_may_be() -> None:
    """Of three seeds, of which the variance is poorly known; ``calibrate`` asks it of more designs, more closely."""
    made = claims([Design(30, 3, 0.02)], 32, 2, 0.02, repetitions=200, seed=1).set_index("claim")
    limits, powers = made[made["at_most"]], made[~made["at_most"]]
    assert len(powers) == 3 and len(limits) == 4
    assert ((powers["rate"] - powers["said"]).abs() <= 3 * powers["error"]).all(), made
    assert (limits["rate"] <= limits["said"] + 3 * limits["error"]).all(), made
    # At the margin, equivalence is claimed about as often as it may be; a design's own is just what it can tell.
    assert limits["rate"]["any equivalence, all at the design's margin"] > 0.01
