"""Tests of whether two methods differ, on per-question accuracies over training seeds.

Arrays have shape [questions, seeds]; the difference is always the first minus the second, in accuracy (0 to 1).
A claim about the methods, and not just about these checkpoints, needs the training seed as a random effect beside the
question: :func:`crossed_test` has both and is the primary test. The others are printed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

Array = NDArray[np.float64]
ALPHA = 0.05
PERMUTATIONS = 9999
# Variance that is only rounding: accuracies lie in 0 to 1 and are known to about 1e-16.
_ROUNDING = 1e-24


class Outcome(NamedTuple):
    """Outcome of a test; what is not defined for a test or a design is NaN.

    Attributes:
        difference: mean of the first method minus mean of the second.
        se: standard error of the difference.
        df: degrees of freedom of the t distribution that ``ci`` and ``p`` use.
        ci: 95% confidence interval of the difference.
        p: two-sided p-value.
    """

    difference: float
    se: float
    df: float
    ci: tuple[float, float]
    p: float


def crossed_test(a: ArrayLike, b: ArrayLike, strata: Sequence[object] | None = None) -> Outcome:
    """Test with questions and training seeds as crossed random effects.

    With S_A and S_B seeds, n questions, and d the per-question difference of the means over seeds:
    V = s2_A/S_A + s2_B/S_B + s2_d/n - V_resid, where s2_A and s2_B are the variances of the seed means, s2_d that of d.
    Both of the first two parts hold the question x seed interaction, so it is subtracted once, V_resid =
    sum over the methods of sum(resid^2) / ((n-1)(S-1)) / (nS), and V is floored at the larger part. Degrees of freedom
    by Satterthwaite's rule from S_A + S_B - 2 for the seeds and n - 1 for the questions.

    A method with one seed (an untrained one is deterministic) has no seed term; if neither has more, this is the
    paired t-test over questions, which speaks of these checkpoints only. Seeds are not paired between methods.

    Args:
        a: accuracies [questions, seeds] of the first method.
        b: those of the second on the same questions in the same order; its seeds may differ in number.
        strata: a label for each question; then the difference is the mean over strata of each one's mean, and questions
            vary within strata only. None: one stratum.

    Corner cases: one question in any stratum leaves se, df, ci and p undefined (NaN). No variance at all gives se 0 and
    p 1 for equal means, p 0 for unequal ones. Identical arms give difference 0 and p 1.

    Raises:
        ValueError: an array is not two-dimensional or empty, the questions differ in number, a cell is missing (NaN).
    """
    first, second = _checked(a, b)
    labels = (
        np.zeros(len(first), dtype=int) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    )
    if len(labels) != len(first):
        raise ValueError(f"strata: {len(labels)} labels for {len(first)} questions")
    groups = [labels == label for label in np.unique(labels)]
    weight = 1.0 / len(groups)
    d = first.mean(axis=1) - second.mean(axis=1)
    difference = float(sum(weight * d[group].mean() for group in groups))
    if min(int(group.sum()) for group in groups) < 2:
        return _undefined(difference)

    question_parts = [weight**2 * d[group].var(ddof=1) / group.sum() for group in groups]
    question, question_df = _combine(question_parts, [int(group.sum()) - 1 for group in groups])
    seed = residual = 0.0
    seed_df = 0
    for arm in (first, second):
        seeds = arm.shape[1]
        if seeds == 1:
            continue
        seed_means = weight * np.sum([arm[group].mean(axis=0) for group in groups], axis=0)
        seed += float(seed_means.var(ddof=1)) / seeds
        seed_df += seeds - 1
        residual += sum(weight**2 * _interaction(arm[group]) / (group.sum() * seeds) for group in groups)
    variance = max(seed + question - residual, seed, question)
    if seed < _ROUNDING:
        return _t_result(difference, np.sqrt(variance), question_df)
    df = variance**2 / (seed**2 / seed_df + question**2 / question_df)
    return _t_result(difference, np.sqrt(variance), df)


def paired_t_questions(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Paired t-test over questions, each averaged over its seeds: about these checkpoints, not about the methods."""
    first, second = _checked(a, b)
    return _paired(first.mean(axis=1), second.mean(axis=1))


def paired_t_seeds(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Paired t-test over training runs, each averaged over its questions; NaN unless both have the same number >= 2."""
    first, second = _checked(a, b)
    if first.shape[1] != second.shape[1]:
        return _undefined(float(first.mean() - second.mean()))
    return _paired(first.mean(axis=0), second.mean(axis=0))


def sign_flip_questions(a: ArrayLike, b: ArrayLike, seed: int = 0) -> Outcome:
    """Sign-flip permutation test over questions, each averaged over its seeds: p only, from at most 9,999 flips."""
    first, second = _checked(a, b)
    d = first.mean(axis=1) - second.mean(axis=1)
    if len(d) < 2:
        return _undefined(float(d.mean()))
    outcome = stats.permutation_test(
        (d,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return Outcome(float(d.mean()), np.nan, np.nan, (np.nan, np.nan), float(outcome.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment over a declared family; undefined (NaN) p-values stay so and do not count."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p), np.nan)
    defined = ~np.isnan(p)
    if defined.any():
        adjusted[defined] = multipletests(p[defined], method="holm")[1]
    return [float(value) for value in adjusted]


def _checked(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
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


def _interaction(arm: Array) -> float:
    """Variance of the question x seed interaction, sampling noise included."""
    residuals = arm - arm.mean(axis=0) - arm.mean(axis=1, keepdims=True) + arm.mean()
    return float((residuals**2).sum() / ((arm.shape[0] - 1) * (arm.shape[1] - 1)))


def _combine(parts: Sequence[float], dfs: Sequence[int]) -> tuple[float, float]:
    total = float(sum(parts))
    if total < _ROUNDING:
        return 0.0, float(sum(dfs))
    return total, total**2 / sum(part**2 / df for part, df in zip(parts, dfs, strict=True))


def _paired(first: Array, second: Array) -> Outcome:
    difference = float((first - second).mean())
    if len(first) < 2:
        return _undefined(difference)
    se = float(stats.sem(first - second))
    if se**2 < _ROUNDING:
        return _t_result(difference, se, len(first) - 1)
    outcome = stats.ttest_rel(first, second)
    interval = outcome.confidence_interval(1 - ALPHA)
    return Outcome(
        difference, se, float(outcome.df), (float(interval.low), float(interval.high)), float(outcome.pvalue)
    )


def _t_result(difference: float, se: float, df: float) -> Outcome:
    if se**2 < _ROUNDING:
        p = 1.0 if difference**2 < _ROUNDING else 0.0
        return Outcome(difference, 0.0, float(df), (difference, difference), p)
    margin = stats.t.ppf(1 - ALPHA / 2, df) * se
    p = 2 * stats.t.sf(abs(difference) / se, df)
    return Outcome(difference, float(se), float(df), (float(difference - margin), float(difference + margin)), float(p))


def _undefined(difference: float) -> Outcome:
    return Outcome(difference, np.nan, np.nan, (np.nan, np.nan), np.nan)
