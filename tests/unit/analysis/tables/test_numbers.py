"""One rule of rounding."""

import math

import numpy as np
import pytest

from analysis.tables.numbers import p_equals, p_text, points, rounded, span


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0875, "+8.8"),
        (-0.0875, "−8.8"),
        # The same number, summed in another order.
        (float(np.mean([0.0, 0.175])), "+8.8"),
        (0.08749999999999997, "+8.8"),
        (-0.08749999999999997, "−8.8"),
        (0.0874, "+8.7"),
        (0.0865, "+8.7"),
        (0.0025, "+0.3"),
        (-0.0004, "+0.0"),
        (0.0, "+0.0"),
        (1.0, "+100.0"),
        (math.nan, "–"),
    ],
)
def test_points_round_a_half_away_from_zero(value: float, said: str) -> None:
    assert points(value) == said
    assert points(value, signed=False) == said.removeprefix("+")


def test_other_numbers_go_by_the_same_rule() -> None:
    assert (rounded(0.12345, 4), rounded(2.5, 0), rounded(3.5, 0), rounded(-0.5, 0)) == ("0.1235", "3", "4", "−1")
    assert (rounded(math.inf, 2), rounded(-math.inf, 2), rounded(math.nan, 2)) == ("∞", "−∞", "–")
    assert span(-0.0125, 0.0125, True) == "−1.3 to +1.3" and span(math.nan, 0.1, True) == "–"
    assert (p_text(0.0005), p_text(0.0625), p_text(math.nan)) == ("< 0.001", "0.063", "undefined")
    assert (p_equals(0.04), p_equals(0.0001)) == ("= 0.040", "< 0.001")
