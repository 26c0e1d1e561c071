"""Intervals hold what they promise, by simulation of experiments whose truth is known."""

import math

import numpy as np
import pytest

from analysis.statistics.coverage import INTERVALS, Design, coverage
from analysis.statistics.detectable import detectable_effect
from analysis.statistics.power import Components, estimate_components, seed_interval, seed_limit
from analysis.statistics.rejection import minimum_detectable_effect
from analysis.statistics.significance import crossed_parts
from analysis.statistics.simulation import population, simulate
from analysis.statistics.variance import Parts


@pytest.mark.parametrize("deviation", [0.02, 0.05])
def test_intervals_hold_nineteen_times_in_twenty(deviation: float) -> None:
    """Runs that are drawn anew for each question give the probability of improvement .75 and .42 of coverage here."""
    held = coverage([Design(70, 5, deviation)], samples=32, repetitions=200, seed=3).set_index("interval")["rate"]
    assert list(held.index) == list(INTERVALS)
    assert held.between(0.9, 1.0).all(), held.to_dict()


def test_three_seeds_are_told_apart_from_many() -> None:
    """With a seed's effect as large as this, three runs leave the detectable effect open by a factor of two or more."""
    rng = np.random.default_rng(4)
    ratios = {}
    for seeds in (3, 40):
        parts = crossed_parts(*simulate(rng, 70, seeds, components=Components(seed=0.05)).accuracies)
        found = detectable_effect(parts)
        assert found.low < found.value < found.high
        ratios[seeds] = found.high / found.low
    assert ratios[3] > 2 > 1.5 > ratios[40]


def test_without_a_seed_term_the_interval_is_chi_square_of_the_questions() -> None:
    found = detectable_effect(Parts.of_error(0.02, 29.0), alpha=0.01)
    assert found.value == pytest.approx(minimum_detectable_effect(0.02, 29.0, alpha=0.01))
    # chi2 of 29 degrees of freedom: 16.05 and 45.72.
    assert (found.low / found.value, found.high / found.value) == pytest.approx(
        (math.sqrt(29 / 45.72), math.sqrt(29 / 16.05)), rel=0.01
    )
    assert all(math.isnan(value) for value in (*detectable_effect(None), *detectable_effect(Parts(0, 4, 0, 9, 0))))


def test_the_interval_of_a_seeds_deviation_holds_it() -> None:
    rng = np.random.default_rng(5)
    sizes = Components(question_method=0.05, seed=0.04, question_seed=0.03)
    held = 0
    for _ in range(300):
        # Far from 0 and 1, where nothing is cut.
        drawn = population(rng, 40, components=sizes)
        drawn = drawn._replace(a=0.4 + 0.2 * drawn.a, b=0.4 + 0.2 * drawn.b)
        low, high = seed_interval(*drawn.experiment(rng, 3, 32).accuracies)
        held += low <= 0.04 <= high
    assert held / 300 == pytest.approx(0.95, abs=0.04)


def test_a_seeds_limit_holds_where_two_methods_deviate_together() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(600):
        shared = rng.normal(0, 0.04, 4)
        a, b = (0.5 + shared + rng.normal(0, 0.05, (50, 4)) for _ in range(2))
        held += seed_limit(a, b, 0.8) >= 0.04
    assert held / 600 == pytest.approx(0.8, abs=0.05)


def test_arms_of_unequal_samples_are_each_taken_with_their_own() -> None:
    rng = np.random.default_rng(6)
    p = rng.uniform(0.3, 0.7, (3000, 1)) + rng.normal(0, 0.05, (3000, 6))
    q = rng.uniform(0.3, 0.7, (3000, 1)) + rng.normal(0, 0.05, (3000, 6))
    found = estimate_components(rng.binomial(4, p) / 4, rng.binomial(64, q) / 64, 4, 64)
    assert found.question_seed == pytest.approx(0.05, abs=0.01)
    assert found.within == pytest.approx(float(np.mean(p * (1 - p))), abs=0.01)
