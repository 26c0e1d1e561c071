"""How large a difference is, and how probable: effect size, probability of improvement, posterior probability."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from analysis.statistics.intervals import LEVEL, RESAMPLES
from analysis.statistics.outcome import ROUNDING, SEED, Array, checked, per_question
from analysis.statistics.variance import of_runs

Counts = NDArray[np.int64]


class Effect(NamedTuple):
    """An estimate that is no difference of accuracies, and its 95% interval (NaN where undefined)."""

    value: float
    low: float
    high: float


def effect_size(a: ArrayLike, b: ArrayLike) -> Effect:
    """Cohen's d of paired questions: mean over standard deviation of the per-question differences, seeds averaged.

    Percentile bootstrap interval over questions. 0 for identical arms, infinite for a constant difference, NaN for one
    question. Raises ValueError as :func:`analysis.statistics.significance.crossed_test` does.
    """
    d = per_question(a, b)
    if len(d) < 2:
        return Effect(np.nan, np.nan, np.nan)
    value = float(_standardised(d, axis=0))
    if np.ptp(d) ** 2 < ROUNDING:
        return Effect(value, value, value)
    with warnings.catch_warnings():
        # A resample without variance is infinite, and infinities have no mean.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = stats.bootstrap(
            (d,),
            _standardised,
            n_resamples=RESAMPLES,
            confidence_level=LEVEL,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    return Effect(value, float(interval.low), float(interval.high))


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> Effect:
    """Probability that a run of the first method beats one of the second on a question, a tie counting half.

    Mean over questions of the Mann-Whitney U of the two methods' runs over S_A S_B (Agarwal et al. 2021, 2108.13264),
    on these questions. A run answers all of them, so that its luck is shared by all: the interval takes whole runs as
    what was drawn. It is DeLong's for two samples (1988, Biometrics 44:837): the variance is s2_A/S_A + s2_B/S_B of
    each run's mean over its opponents, t has the degrees of freedom of the runs, and the scale is the logit, which
    keeps the ends within 0 to 1. Redrawing few runs (a bootstrap) falls short even where it draws whole ones: three
    runs of each method give a 95% interval that holds four times in five.

    The interval is NaN unless both methods have two runs or more, and a point where all runs of a method fare alike.
    Raises ValueError as :func:`analysis.statistics.significance.crossed_test` does.
    """
    first, second = checked(a, b)
    wins = (first[:, :, None] > second[:, None, :]) + 0.5 * (first[:, :, None] == second[:, None, :])
    value = float(wins.mean())
    if min(first.shape[1], second.shape[1]) < 2:
        return Effect(value, np.nan, np.nan)
    of_pair = wins.mean(axis=0)
    variances = [of_pair.mean(axis=1 - arm).var(ddof=1) / size for arm, size in enumerate(of_pair.shape)]
    variance, df = of_runs(variances, [size - 1 for size in of_pair.shape])
    if variance < ROUNDING:
        return Effect(value, value, value)
    margin = stats.t.ppf((1 + LEVEL) / 2, df) * np.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-margin, margin]))
    return Effect(value, float(low), float(high))


def posterior_probability(
    a: tuple[ArrayLike, ArrayLike], b: tuple[ArrayLike, ArrayLike], draws: int = RESAMPLES, seed: int = 0
) -> float:
    """Posterior probability that the first method's mean accuracy on these questions is above the second's.

    Each question's accuracy has the posterior Beta(c + 1, n - c + 1) of a uniform prior, independently. Training seeds
    are pooled: what is uncertain here is the drawing of samples alone, so that this says least of all about methods.

    Args:
        a: right samples c [questions] and samples n [questions] of the first method, over all its seeds.
        b: those of the second.
        draws: from the posterior; they settle the probability to 0.01.
        seed: of the draws.

    Raises:
        ValueError: unless 0 <= c <= n, the shapes agree, and there is a question.
    """
    rng = np.random.default_rng(seed)
    arms = [_counts(*arm) for arm in (a, b)]
    if arms[0][0].shape != arms[1][0].shape:
        raise ValueError(f"a has {len(arms[0][0])} questions, b has {len(arms[1][0])}: both need the same")
    means = [rng.beta(c + 1, n - c + 1, size=(draws, len(c))).mean(axis=1) for c, n in arms]
    return float(np.mean(means[0] > means[1]))


def _standardised(d: Array, axis: int) -> Array:
    mean, sd = np.mean(d, axis=axis), np.std(d, axis=axis, ddof=1)
    flat = sd**2 < ROUNDING
    limit = np.where(mean**2 < ROUNDING, 0.0, np.copysign(np.inf, mean))
    return np.asarray(np.where(flat, limit, mean / np.where(flat, 1.0, sd)))


def _counts(c: ArrayLike, n: ArrayLike) -> tuple[Counts, Counts]:
    right, samples = np.asarray(c, dtype=np.int64), np.asarray(n, dtype=np.int64)
    if right.ndim != 1 or right.size == 0 or right.shape != samples.shape:
        raise ValueError(f"counts of shapes {right.shape} and {samples.shape}: needed are two of [questions]")
    if not ((right >= 0) & (right <= samples)).all():
        raise ValueError("right samples: allowed are 0 to the number of samples, of each question")
    return right, samples
