"""What a design could have detected."""

from __future__ import annotations

import math

from scipy import optimize, stats

from analysis.significance import ALPHA

POWER = 0.8


def minimum_detectable_effect(se: float, df: float, power: float = POWER) -> float:
    """True difference that a two-sided t-test of this standard error and df finds with probability ``power``.

    Solves for the noncentrality of the t distribution. NaN where ``se`` or ``df`` is undefined or ``se`` is 0.
    The test is taken at 0.05, without adjustment for other comparisons.
    """
    if not (math.isfinite(se) and math.isfinite(df)) or se <= 0 or df <= 0:
        return math.nan
    critical = stats.t.ppf(1 - ALPHA / 2, df)

    def shortfall(noncentrality: float) -> float:
        # Rejections on the wrong side are left out: at such power they are fewer than one in a million.
        return float(stats.nct.sf(critical, df, noncentrality)) - power

    # At the upper end the power is above 0.8 for every df from 0.5 on, and SciPy still computes it.
    return float(se * optimize.brentq(shortfall, 0.0, 1.3 * critical + 1.0))
