"""What a test of two methods gives, and what every test asks of its two arrays.

Arrays have shape [questions, seeds]; the difference is always the first minus the second, in accuracy (0 to 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]
ALPHA = 0.05
# Variance that is only rounding: accuracies lie in 0 to 1 and are known to about 1e-16.
ROUNDING = 1e-24
#: Of every bootstrap and permutation, so that the same data give the same numbers.
SEED = 0


class Outcome(NamedTuple):
    """Outcome of a test; what is not defined for a test or a design is NaN.

    Attributes:
        difference: mean of the first method minus mean of the second.
        se: standard error of the difference.
        df: degrees of freedom of the t distribution that ``interval`` and ``p`` use.
        interval: 95% confidence interval of the difference, (low, high).
        p: two-sided p-value.
    """

    difference: float
    se: float
    df: float
    interval: tuple[float, float]
    p: float


def checked(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays [questions, seeds] of the same questions.

    Raises:
        ValueError: an array is not two-dimensional or empty, the questions differ in number, a cell is missing (NaN).
    """
    arrays = []
    for name, values in (("a", a), ("b", b)):
        array = np.asarray(values, dtype=float)
        if array.ndim != 2 or array.size == 0:
            raise ValueError(f"{name}: shape {array.shape}: needed is [questions, seeds], at least one of each")
        missing = [f"({question}, {seed})" for question, seed in np.argwhere(~np.isfinite(array))]
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise ValueError(f"{name}: missing cells (question, seed): {', '.join(missing[:5])}{more}")
        arrays.append(array)
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(f"a has {len(arrays[0])} questions, b has {len(arrays[1])}: both need the same")
    return arrays[0], arrays[1]


def per_question(a: ArrayLike, b: ArrayLike) -> Array:
    """Difference of each question, averaged over the seeds of either arm: shape [questions]. Raises as `checked`."""
    first, second = checked(a, b)
    return first.mean(axis=1) - second.mean(axis=1)


def interaction_variance(arm: Array) -> float:
    """Variance of the question x seed interaction of one arm, sampling noise included; two of each or more."""
    residuals = arm - arm.mean(axis=0) - arm.mean(axis=1, keepdims=True) + arm.mean()
    return float((residuals**2).sum() / ((arm.shape[0] - 1) * (arm.shape[1] - 1)))


def t_outcome(difference: float, se: float, df: float) -> Outcome:
    """Outcome of a t-test; without variance p is 1 for no difference and 0 for any."""
    if se**2 < ROUNDING:
        p = 1.0 if difference**2 < ROUNDING else 0.0
        return Outcome(difference, 0.0, float(df), (difference, difference), p)
    margin = stats.t.ppf(1 - ALPHA / 2, df) * se
    p = 2 * stats.t.sf(abs(difference) / se, df)
    return Outcome(difference, float(se), float(df), (float(difference - margin), float(difference + margin)), float(p))


def only_p(difference: float, p: float = np.nan) -> Outcome:
    """Outcome of a test that has no standard error; without ``p``, of one that is undefined for the design."""
    return Outcome(float(difference), np.nan, np.nan, (np.nan, np.nan), float(p))
