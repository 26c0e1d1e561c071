"""How often a test finds what is there: of known variance, and of one that the test itself has to estimate.

The crossed test estimates two parts of its variance, and Satterthwaite's degrees of freedom from them. With a few
seeds these come out now small, now large, and its critical value with them: it finds less than a t-test would whose
degrees of freedom are known. Here both parts are drawn about their true values, as chi-square variables, and the test
is taken at its word.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats
from scipy.interpolate import PchipInterpolator

from analysis.statistics.outcome import ALPHA, ROUNDING, SEED, Array
from analysis.statistics.significance import holm
from analysis.statistics.variance import Parts, combined

POWER = 0.8

# Estimates of either part, so many, equally probable.
_SEED_POINTS, _QUESTION_POINTS = 64, 24
# Degrees of freedom at which t's critical value is computed; between them it is interpolated.
_DFS = np.geomspace(0.5, 1e6, 80)
# Families that are drawn for a power which depends on the other comparisons; it is known to half a point.
_FAMILIES = 10_000


def minimum_detectable_effect(se: float, df: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """True difference that a two-sided t-test of this standard error and df finds with probability ``power``.

    Solves for the noncentrality of the t distribution. NaN where ``se`` or ``df`` is undefined or ``se`` is 0.
    ``power`` lies in 0.5 to 0.99. ``alpha`` is the level that decides: in a family of comparisons that of
    :func:`analysis.statistics.significance.strictest_level`.
    """
    if not (math.isfinite(se) and math.isfinite(df)) or se <= 0 or df <= 0:
        return math.nan
    critical = stats.t.ppf(1 - alpha / 2, df)

    def shortfall(noncentrality: float) -> float:
        # Rejections on the wrong side are left out: at such power they are fewer than one in a million.
        return float(stats.nct.sf(critical, df, noncentrality)) - power

    # Where this starts, the power is above 0.8 for every df from 0.5 on, and SciPy still computes it.
    upper = 1.3 * critical + 1.0
    while shortfall(upper) < 0:
        upper *= 1.2
    return float(se * optimize.brentq(shortfall, 0.0, upper))


def detectable_difference(parts: Parts, power: float = POWER, alpha: float = ALPHA) -> float:
    """True difference that the crossed test finds with probability ``power``, in accuracy.

    Args:
        parts: the true ones; not without variance.
        power: 0.5 to 0.99.
        alpha: two-sided level, as for :func:`minimum_detectable_effect`.
    """
    error = math.sqrt(parts.variance)
    if parts.seed < ROUNDING:
        return minimum_detectable_effect(error, parts.df, power, alpha)
    limits = _limits(parts, alpha)

    def shortfall(effect: float) -> float:
        return float(special.ndtr((effect - limits) / error).mean()) - power

    return float(optimize.brentq(shortfall, 0.0, limits.max() + 3 * error))


def equivalence_margin(parts: Parts, power: float = POWER, alpha: float = ALPHA) -> float:
    """Smallest effect of interest with which two methods that do not differ are called equivalent so often.

    Args:
        parts: the true ones; not without variance.
        power: as for :func:`detectable_difference`.
        alpha: level of each of the two one-sided tests.
    """
    error = math.sqrt(parts.variance)
    limits = _limits(parts, 2 * alpha)

    def shortfall(margin: float) -> float:
        within = 2 * special.ndtr((margin - limits) / error) - 1
        return float(np.maximum(within, 0.0).mean()) - power

    return float(optimize.brentq(shortfall, 0.0, limits.max() + 4 * error))


def adjusted_power(parts: Parts, effect: float, others: float, comparisons: int) -> float:
    """Probability that Holm's rule calls a comparison shown, one of several of one method with as many others.

    Args:
        parts: of the variance of each comparison, the true ones.
        effect: true difference of this comparison.
        others: that of each other one.
        comparisons: how many there are.

    Comparisons that share a method share half of their variance. To half a point: families are drawn.
    """
    rng = np.random.default_rng(SEED)
    shape = (_FAMILIES, comparisons)
    noise = math.sqrt(parts.variance / 2) * (rng.normal(size=(_FAMILIES, 1)) + rng.normal(size=shape))
    differences = noise + np.array([effect] + [others] * (comparisons - 1))
    seed = parts.seed * rng.chisquare(parts.seed_df, shape) / parts.seed_df if parts.seed >= ROUNDING else np.zeros(1)
    question = parts.question * rng.chisquare(parts.question_df, shape) / parts.question_df
    variance, df = combined(parts, seed, question)
    p_values = 2 * stats.t.sf(np.abs(differences) / np.sqrt(variance), df)
    return float(np.mean([holm(family)[0] < ALPHA for family in p_values]))


def _limits(parts: Parts, alpha: float) -> Array:
    """What a test at the two-sided level ``alpha`` holds differences against: equally probable values, all of them."""
    seed = _estimates(parts.seed, parts.seed_df, _SEED_POINTS)[:, None]
    question = _estimates(parts.question, parts.question_df, _QUESTION_POINTS)[None, :]
    variance, df = combined(parts, seed, question)
    return np.asarray(np.sqrt(variance) * np.exp(_log_critical(alpha)(np.log(df)))).ravel()


def _estimates(part: float, df: float, points: int) -> Array:
    """Equally probable estimates of a part of the variance, of its true value; just 0 for none."""
    return np.zeros(1) if part < ROUNDING else part * _quantiles(df, points)


@lru_cache
def _quantiles(df: float, points: int) -> Array:
    """Of a chi-square variable over its degrees of freedom."""
    return np.asarray(stats.chi2.ppf((np.arange(points) + 0.5) / points, df) / df)


@lru_cache
def _log_critical(alpha: float) -> PchipInterpolator:
    """Logarithm of t's two-sided critical value, of the logarithm of the degrees of freedom."""
    return PchipInterpolator(np.log(_DFS), np.log(stats.t.ppf(1 - alpha / 2, _DFS)))
