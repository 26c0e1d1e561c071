"""Intervals of a mean accuracy over questions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

RESAMPLES = 10_000
LEVEL = 0.95


class Interval(NamedTuple):
    """A 95% interval and the way it was computed: "BCa", "percentile" or "Wilson"."""

    low: float
    high: float
    kind: str


def over_questions(groups: Sequence[NDArray[np.float64]], resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """BCa bootstrap interval, over questions, of the mean over groups of each group's mean.

    Args:
        groups: one array [questions] of accuracies per benchmark; questions are resampled within their benchmark.
        resamples: bootstrap draws.
        seed: of the draws, so that the same data give the same interval.

    Where the accuracies of all questions are equal (all wrong, say) there is nothing to resample, and Wilson's interval
    for that share of as many questions stands in. Where BCa alone is undefined, the percentile interval does.
    Training seeds are not resampled: the interval speaks of these checkpoints on other questions like these.
    """
    everything = np.concatenate(list(groups))
    if np.ptp(everything) == 0:
        low, high = proportion_confint(everything.sum(), len(everything), alpha=1 - LEVEL, method="wilson")
        return Interval(float(low), float(high), "Wilson")
    for method, kind in (("BCa", "BCa"), ("percentile", "percentile")):
        with warnings.catch_warnings():
            # Undefined is told by NaN below.
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            interval = stats.bootstrap(
                groups,
                lambda *samples, axis: sum(np.mean(sample, axis=axis) for sample in samples) / len(samples),
                n_resamples=resamples,
                confidence_level=LEVEL,
                method=method,
                vectorized=True,
                rng=np.random.default_rng(seed),
            ).confidence_interval
        if np.isfinite(interval.low) and np.isfinite(interval.high):
            return Interval(float(interval.low), float(interval.high), kind)
    raise ArithmeticError("neither BCa nor percentile interval is defined")
