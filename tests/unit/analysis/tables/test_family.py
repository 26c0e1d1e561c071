"""What decides in a family of comparisons, and what that test could have found."""

import math

import pytest
from scipy import stats

from analysis.statistics.outcome import only_p, t_outcome
from analysis.statistics.significance import bh, holm
from analysis.statistics.variance import Parts
from analysis.tables.family import Member, decided


def member(family: str, difference: float, se: float = 0.02, df: float = 10.0) -> Member:
    return Member((family,), {"family": family}, t_outcome(difference, se, df), Parts.of_error(se, df))


@pytest.mark.parametrize("adjust", [holm, bh])
def test_power_is_that_of_the_level_that_decides(adjust) -> None:
    rows = decided([member("x", 0.1), member("y", 0.1), member("x", 0.02), member("x", 0.03)], adjust)
    assert [row["alpha"] for row in rows] == pytest.approx([0.05 / 3, 0.05, 0.05 / 3, 0.05 / 3])
    for row in rows:
        critical = stats.t.ppf(1 - float(row["alpha"]) / 2, 10)
        assert stats.nct.sf(critical, 10, float(row["mde"]) / 0.02) == pytest.approx(0.8, abs=1e-6)
        assert row["mde_low"] < row["mde"] < row["mde_high"]
    # Adjusted within its own family only, and whatever the others are, below the strictest level means shown.
    assert rows[1]["p_adjusted"] == rows[1]["p_value"]
    assert all((row["p_adjusted"] < 0.05) for row in rows if row["p_value"] < row["alpha"])


def test_an_undefined_test_does_not_count_in_its_family() -> None:
    undefined = Member(("x",), {}, only_p(0.1), None)
    rows = decided([member("x", 0.1), undefined], holm)
    assert rows[0]["alpha"] == 0.05
    assert all(math.isnan(rows[1][name]) for name in ("p_adjusted", "mde", "mde_low", "mde_high"))
