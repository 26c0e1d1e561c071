"""Intervals of a mean accuracy: over questions, and over questions and training runs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Array = NDArray[np.float64]
RESAMPLES = 10_000
LEVEL = 0.95
# Bootstrap resamples held in memory at once.
CHUNK = 1_000


class Interval(NamedTuple):
    """A 95% interval and the way it was computed: "BCa", "percentile", "Wilson" or "nested"."""

    low: float
    high: float
    kind: str


def over_questions(groups: Sequence[Array], resamples: int = RESAMPLES, seed: int = 0) -> Interval:
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
    return _bootstrap(groups, resamples, seed)


def of_difference(d: Array, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """BCa bootstrap interval, over questions, of the mean of paired differences ``d`` [questions].

    The percentile interval where BCa is undefined. A constant difference is its own interval; NaN for one question.
    """
    if len(d) < 2:
        return Interval(np.nan, np.nan, "BCa")
    if np.ptp(d) == 0:
        return Interval(float(d[0]), float(d[0]), "BCa")
    return _bootstrap([d], resamples, seed)


def _bootstrap(groups: Sequence[Array], resamples: int, seed: int) -> Interval:
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


def over_questions_and_runs(groups: Sequence[Array], resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Nested bootstrap interval (percentile) of the mean over groups of each group's mean.

    Questions are resampled within their group, and for each drawn question its training runs: Agarwal et al. 2021
    (2108.13264), rliable's ``task_bootstrap``. As there, the runs of different questions are drawn separately, so what
    a run has in common over all questions is not in it; the crossed test is where that counts.

    Args:
        groups: one array [questions, runs] of accuracies per benchmark.
        resamples: bootstrap draws.
        seed: of the draws, so that the same data give the same interval.

    NaN where all accuracies are equal: there is nothing to resample.
    """
    if np.ptp(np.concatenate([group.ravel() for group in groups])) == 0:
        return Interval(np.nan, np.nan, "nested")
    rng = np.random.default_rng(seed)
    draws = np.concatenate(
        [sum(_nested_means(rng, group, size) for group in groups) / len(groups) for size in chunk_sizes(resamples)]
    )
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), "nested")


def resampled_counts(rng: np.random.Generator, strata: int, resamples: int, size: int) -> Array:
    """How often each of ``size`` things is in a bootstrap resample of them: shape [strata, resamples, size]."""
    rows = strata * resamples
    drawn = rng.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(strata, resamples, size).astype(float)


def chunk_sizes(resamples: int) -> list[int]:
    """Sizes of the portions in which ``resamples`` are drawn, so that memory does not grow with their number."""
    whole, rest = divmod(resamples, CHUNK)
    return [CHUNK] * whole + [rest] * (rest > 0)


def _nested_means(rng: np.random.Generator, group: Array, resamples: int) -> Array:
    questions, runs = group.shape
    # One index into the flattened table for each (resample, question, run): the question's row, then a run in it.
    rows = rng.integers(questions, size=(resamples, questions, 1)) * runs
    drawn = rows + rng.integers(runs, size=(resamples, questions, runs))
    return np.asarray(group.ravel()[drawn.reshape(resamples, -1)].mean(axis=1))
