"""The primary test of whether two methods differ, and the adjustments for asking more than once.

A claim about the methods, and not just about these checkpoints, needs the training seed as a random effect beside the
question: :func:`crossed_test` has both. What is printed beside it is in :mod:`analysis.statistics.secondary`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

from analysis.statistics.outcome import ROUNDING, Outcome, checked, interaction_variance, only_p, t_outcome


def crossed_test(a: ArrayLike, b: ArrayLike, strata: Sequence[object] | None = None) -> Outcome:
    """Test with questions and training seeds as crossed random effects.

    With S_A and S_B seeds, n questions, and d the per-question difference of the means over seeds:
    V = s2_A/S_A + s2_B/S_B + s2_d/n - V_resid, where s2_A and s2_B are the variances of the seed means, s2_d that of d.
    Both of the first two parts hold the question x seed interaction, so it is subtracted once, V_resid =
    sum over the methods of sum(resid^2) / ((n-1)(S-1)) / (nS), and V is floored at the larger part. Degrees of freedom
    by Satterthwaite's rule from 2(S-1) for the seeds and n - 1 for the questions; where the methods have different
    numbers of seeds, from S_A - 1 and S_B - 1 for their two parts (Welch), as the smaller number would otherwise borrow
    certainty from the larger: a false-positive rate of .09 for 2 and 5 seeds when the seed dominates.

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
        return only_p(difference)

    question_parts = [weight**2 * d[group].var(ddof=1) / group.sum() for group in groups]
    question, question_df = _combine(question_parts, [int(group.sum()) - 1 for group in groups])
    residual = 0.0
    seed_parts: list[float] = []
    seed_dfs: list[int] = []
    for arm in (first, second):
        seeds = arm.shape[1]
        if seeds == 1:
            continue
        seed_means = weight * np.sum([arm[group].mean(axis=0) for group in groups], axis=0)
        seed_parts.append(float(seed_means.var(ddof=1)) / seeds)
        seed_dfs.append(seeds - 1)
        residual += sum(weight**2 * interaction_variance(arm[group]) / (group.sum() * seeds) for group in groups)
    seed, seed_df = _combine(seed_parts, seed_dfs)
    if first.shape[1] == second.shape[1]:
        seed_df = float(sum(seed_dfs))
    variance = max(seed + question - residual, seed, question)
    if seed < ROUNDING:
        return t_outcome(difference, np.sqrt(variance), question_df)
    df = variance**2 / (seed**2 / seed_df + question**2 / question_df)
    return t_outcome(difference, np.sqrt(variance), df)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment over a declared family; undefined (NaN) p-values stay so and do not count."""
    return _adjusted(p_values, "holm")


def bh(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's adjustment (false discovery rate), for ablations; NaN stays so and does not count."""
    return _adjusted(p_values, "fdr_bh")


def _adjusted(p_values: Sequence[float], method: str) -> list[float]:
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p), np.nan)
    defined = ~np.isnan(p)
    if defined.any():
        adjusted[defined] = multipletests(p[defined], method=method)[1]
    return [float(value) for value in adjusted]


def _combine(parts: Sequence[float], dfs: Sequence[int]) -> tuple[float, float]:
    total = float(sum(parts))
    if total < ROUNDING:
        return 0.0, float(sum(dfs))
    return total, total**2 / sum(part**2 / df for part, df in zip(parts, dfs, strict=True))
