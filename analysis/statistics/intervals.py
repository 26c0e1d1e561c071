"""Intervals of a mean accuracy: over questions, and over questions and training runs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.outcome import ROUNDING, SEED, Array, t_outcome
from analysis.statistics.variance import variance_parts

RESAMPLES = 10_000
LEVEL = 0.95


class Interval(NamedTuple):
    """A 95% interval and the way it was computed: "BCa", "percentile", "Wilson" or "crossed"."""

    low: float
    high: float
    kind: str


def over_questions(groups: Sequence[Array]) -> Interval:
    """BCa bootstrap interval, over questions, of the mean over groups of each group's mean.

    Args:
        groups: one array [questions] of accuracies per benchmark; questions are resampled within their benchmark.

    Where the accuracies of all questions are equal (all wrong, say) there is nothing to resample, and Wilson's interval
    for that share of as many questions stands in. Where BCa alone is undefined, the percentile interval does.
    Training seeds are not resampled: the interval speaks of these checkpoints on other questions like these.
    """
    everything = np.concatenate(list(groups))
    if np.ptp(everything) == 0:
        low, high = proportion_confint(everything.sum(), len(everything), alpha=1 - LEVEL, method="wilson")
        return Interval(float(low), float(high), "Wilson")
    return _bootstrap(groups)


def of_difference(d: Array) -> Interval:
    """BCa bootstrap interval, over questions, of the mean of paired differences ``d`` [questions].

    The percentile interval where BCa is undefined. A constant difference is its own interval; NaN for one question.
    """
    if len(d) < 2:
        return Interval(np.nan, np.nan, "BCa")
    if np.ptp(d) == 0:
        return Interval(float(d[0]), float(d[0]), "BCa")
    return _bootstrap([d])


def _bootstrap(groups: Sequence[Array]) -> Interval:
    for method, kind in (("BCa", "BCa"), ("percentile", "percentile")):
        with warnings.catch_warnings():
            # Undefined is told by NaN below.
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            interval = stats.bootstrap(
                groups,
                lambda *samples, axis: sum(np.mean(sample, axis=axis) for sample in samples) / len(samples),
                n_resamples=RESAMPLES,
                confidence_level=LEVEL,
                method=method,
                vectorized=True,
                rng=np.random.default_rng(SEED),
            ).confidence_interval
        if np.isfinite(interval.low) and np.isfinite(interval.high):
            return Interval(float(interval.low), float(interval.high), kind)
    raise ArithmeticError("neither BCa nor percentile interval is defined")


def over_questions_and_runs(groups: Sequence[Array]) -> Interval:
    """95% interval of the mean over groups of each group's mean, on other questions and with other training runs.

    A t interval with questions and runs as crossed random effects, cut to 0 to 1: a run answers all questions, so that
    its luck does not average out over them. Variance and degrees of freedom are those of
    :func:`analysis.statistics.variance.variance_parts` for one method. Of one run it speaks of other questions only.

    Args:
        groups: one array [questions, runs] of accuracies per benchmark, of the same runs in the same order.

    NaN where a group has but one question, or where all accuracies are equal: there is nothing to judge by.
    """
    table = np.concatenate(list(groups))
    of_group = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    parts = variance_parts([table], [of_group == index for index in range(len(groups))])
    if parts is None or parts.variance < ROUNDING:
        return Interval(np.nan, np.nan, "crossed")
    mean = float(np.mean([group.mean() for group in groups]))
    outcome = t_outcome(mean, math.sqrt(parts.variance), parts.df)
    return Interval(max(0.0, outcome.interval[0]), min(1.0, outcome.interval[1]), "crossed")
