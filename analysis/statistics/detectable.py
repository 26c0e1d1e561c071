"""What a design that was run could have detected, and how surely that is known.

The standard error that this rests on is an estimate, and of few training seeds a poor one: the same design with three
seeds of either method may call five points detectable once and twelve another time.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.interpolate import PchipInterpolator

from analysis.statistics.outcome import ALPHA, ROUNDING, Array
from analysis.statistics.rejection import POWER, detectable_difference, minimum_detectable_effect
from analysis.statistics.variance import Parts, combined

# Quantiles of the chi-square distribution of either part, so many of each, at equal probabilities.
POINTS = 200
# Degrees of freedom at which the effect in standard errors is computed; between them it is interpolated.
_DFS = np.geomspace(0.5, 1e5, 60)


class Detectable(NamedTuple):
    """True difference, in accuracy, that a test finds with 80% power, and its 95% interval; NaN where undefined."""

    value: float
    low: float
    high: float


def detectable_effect(parts: Parts | None, alpha: float = ALPHA) -> Detectable:
    """The effect that the crossed test on what was run finds with 80% power, its variance being estimated again.

    Args:
        parts: of the variance of the difference, as they were estimated; None: undefined.
        alpha: level of the two-sided test.

    The interval is a generalized (fiducial) one: nu s2 / chi2_nu stands for each part's true value, the seeds' and the
    questions' independently, over all pairs of 200 quantiles of each; of the effects that follow, the 2.5% and the
    97.5% quantiles bound it (Weerahandi 1993, J. Am. Stat. Assoc. 88:899). For these many, an effect is that of a
    t-test whose degrees of freedom are known, times what the estimate's own effect is beyond that.
    """
    if parts is None or parts.variance < ROUNDING:
        return Detectable(math.nan, math.nan, math.nan)
    value = detectable_difference(parts, POWER, alpha)
    log_effect = _log_effect(alpha)
    variance, df = combined(
        parts,
        _true_values(parts.seed, parts.seed_df)[None, :],
        _true_values(parts.question, parts.question_df)[:, None],
    )
    effects = np.sqrt(variance) * np.exp(log_effect(np.log(df)))
    known = math.sqrt(parts.variance) * math.exp(log_effect(math.log(parts.df)))
    low, high = value / known * np.quantile(effects, [0.025, 0.975])
    return Detectable(value, float(low), float(high))


def _true_values(part: float, df: float) -> Array:
    """Values that a part of the variance may truly have, equally probable, given its estimate; just 0 for none."""
    if part < ROUNDING:
        return np.zeros(1)
    return np.asarray(df * part / stats.chi2.ppf((np.arange(POINTS) + 0.5) / POINTS, df))


@lru_cache
def _log_effect(alpha: float) -> PchipInterpolator:
    """Logarithm of the detectable effect, in standard errors, of the logarithm of the degrees of freedom."""
    effects = [minimum_detectable_effect(1.0, float(df), POWER, alpha) for df in _DFS]
    return PchipInterpolator(np.log(_DFS), np.log(effects))
