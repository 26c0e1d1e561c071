"""The primary test of whether two methods differ, and the adjustments for asking more than once.

A claim about the methods, and not just about these checkpoints, needs the training seed as a random effect beside the
question: :func:`crossed_test` has both. What is printed beside it is in :mod:`analysis.statistics.secondary`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.statistics.outcome import ALPHA, Array, Outcome, checked, only_p, t_outcome
from analysis.statistics.variance import Mask, Parts, variance_parts

#: What the significance table calls :func:`crossed_test`.
PRIMARY = "crossed"


def crossed_test(a: ArrayLike, b: ArrayLike, strata: Sequence[object] | None = None) -> Outcome:
    """Test with questions and training seeds as crossed random effects.

    A t-test of the difference of the means with the variance and the degrees of freedom of
    :func:`analysis.statistics.variance.variance_parts`: V = s2_A/S_A + s2_B/S_B + s2_d/n - V_resid, floored at the
    larger of its seed and its question part, by Satterthwaite's rule.

    A method with one seed (an untrained one is deterministic) has no seed term; if neither has more, this is the
    paired t-test over questions, which speaks of these checkpoints only. Seeds are not paired between methods.

    Args:
        a: accuracies [questions, seeds] of the first method.
        b: those of the second on the same questions in the same order; its seeds may differ in number.
        strata: a label for each question; then the difference is the mean over strata of each one's mean, and questions
            vary within strata only. None: one stratum.

    Corner cases: one question in any stratum leaves se, df, interval and p undefined (NaN). No variance at all gives
    se 0 and p 1 for equal means, p 0 for unequal ones. Identical arms give difference 0 and p 1.

    Raises:
        ValueError: an array is not two-dimensional or empty, the questions differ in number, a cell is missing (NaN).
    """
    first, second = checked(a, b)
    parts = crossed_parts(first, second, strata)
    d = first.mean(axis=1) - second.mean(axis=1)
    difference = float(np.mean([d[group].mean() for group in strata_masks(len(d), strata)]))
    return only_p(difference) if parts is None else t_outcome(difference, math.sqrt(parts.variance), parts.df)


def crossed_parts(a: ArrayLike, b: ArrayLike, strata: Sequence[object] | None = None) -> Parts | None:
    """The parts of the variance that :func:`crossed_test` tests with; None where it is undefined."""
    first, second = checked(a, b)
    return variance_parts([first, second], strata_masks(len(first), strata))


def strata_masks(questions: int, strata: Sequence[object] | None) -> list[Mask]:
    """A mask [questions] for each stratum; one of all questions for None. Raises ValueError if labels are missing."""
    if strata is None:
        return [np.ones(questions, dtype=bool)]
    if len(strata) != questions:
        raise ValueError(f"strata: {len(strata)} labels for {questions} questions")
    labels = np.unique(np.asarray(strata), return_inverse=True)[1]
    return [labels == label for label in np.unique(labels)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment over a declared family; undefined (NaN) p-values stay so and do not count.

    The i-th smallest of m is multiplied by m - i + 1, and is no less than the one before it, nor more than 1 (Holm
    1979, Scand. J. Stat. 6:65). By hand: statsmodels' ``multipletests`` has all garbage collected at each call, which
    takes longer than all else in a table of many families.
    """

    def adjust(p: Array) -> Array:
        order = np.argsort(p)
        stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
        return np.minimum(1.0, stepped)[np.argsort(order)]

    return _adjusted(p_values, adjust)


def bh(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's adjustment (false discovery rate), for ablations; NaN stays so and does not count."""
    return _adjusted(p_values, stats.false_discovery_control)


def strictest_level(p_values: Sequence[float]) -> float:
    """The level that the smallest p-value of a family is held against: 0.05 / m for m defined ones (0.05 for none).

    Holm's rule and Benjamini and Hochberg's alike call a p-value at or below it whatever the others are. What the test
    of one comparison detects at this level, the adjusted test detects with the same probability or a greater one: how
    much greater depends on the other comparisons.
    """
    return ALPHA / max(1, sum(not math.isnan(p) for p in p_values))


def _adjusted(p_values: Sequence[float], adjust: Callable[[Array], Array]) -> list[float]:
    p = np.array(p_values, dtype=float)
    defined = ~np.isnan(p)
    if defined.any():
        p[defined] = adjust(p[defined])
    return [float(value) for value in p]
