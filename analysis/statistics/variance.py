"""Where the variance of a mean over questions and training seeds comes from, and how surely that is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.outcome import ROUNDING, Array, interaction_variance

Mask = NDArray[np.bool_]


class Parts(NamedTuple):
    """Parts of the variance of a mean, or of a difference of two, each with its degrees of freedom.

    Attributes:
        seed: variance of the mean over training seeds; 0 where no method has more than one.
        seed_df: its degrees of freedom.
        question: variance of the mean over questions, seeds averaged.
        question_df: its degrees of freedom.
        interaction: the question x seed interaction, which the two parts both hold.
    """

    seed: float
    seed_df: float
    question: float
    question_df: float
    interaction: float

    @classmethod
    def of_error(cls, se: float, df: float) -> Parts | None:
        """Those of a test without a seed term, from its standard error; None where it has none (NaN)."""
        return None if math.isnan(se) else cls(0.0, 0.0, se**2, df, 0.0)

    @property
    def variance(self) -> float:
        """Both parts, with what they share counted once; never below the larger of them."""
        return max(self.seed + self.question - self.interaction, self.seed, self.question)

    @property
    def df(self) -> float:
        """Degrees of freedom of :attr:`variance` by Satterthwaite's rule."""
        if self.seed < ROUNDING:
            return self.question_df
        return self.variance**2 / (self.seed**2 / self.seed_df + self.question**2 / self.question_df)


def variance_parts(arms: Sequence[Array], groups: Sequence[Mask]) -> Parts | None:
    """Parts of the variance of a method's mean (one arm) or of a difference of means (two).

    With S seeds of an arm, n questions, and d the per-question mean over seeds (of two arms: its difference):
    seed = sum over the arms of s2_arm/S, s2_arm being the variance of the seed means; question = s2_d/n; interaction =
    sum over the arms of sum(resid^2) / ((n-1)(S-1)) / (nS). An arm of one seed has no seed part.

    Args:
        arms: accuracies [questions, seeds] of the same questions in the same order.
        groups: masks [questions] that share the questions out; the mean is that of the groups' means, and questions
            vary within groups only.

    None where a group has but one question.
    """
    sizes = [int(group.sum()) for group in groups]
    if min(sizes) < 2:
        return None
    weight = 1.0 / len(groups)
    d = arms[0].mean(axis=1) - (arms[1].mean(axis=1) if len(arms) == 2 else 0.0)
    question_parts = [weight**2 * d[group].var(ddof=1) / size for group, size in zip(groups, sizes, strict=True)]
    question, question_df = _combined(question_parts, [size - 1 for size in sizes])
    interaction = 0.0
    seed_parts: list[float] = []
    seed_dfs: list[int] = []
    for arm in arms:
        seeds = arm.shape[1]
        if seeds == 1:
            continue
        seed_means = weight * np.sum([arm[group].mean(axis=0) for group in groups], axis=0)
        seed_parts.append(float(seed_means.var(ddof=1)) / seeds)
        seed_dfs.append(seeds - 1)
        interaction += sum(weight**2 * interaction_variance(arm[group]) / (group.sum() * seeds) for group in groups)
    seed, seed_df = of_runs(seed_parts, seed_dfs)
    return Parts(seed, seed_df, question, question_df, interaction)


def combined(parts: Parts, seed: Array, question: Array) -> tuple[Array, Array]:
    """Variance and degrees of freedom, as :class:`Parts` has them, were its two parts of these sizes."""
    variance = np.maximum(seed + question - parts.interaction, np.maximum(seed, question))
    seed_term = seed**2 / parts.seed_df if parts.seed >= ROUNDING else 0.0
    return variance, variance**2 / (seed_term + question**2 / parts.question_df)


def of_runs(variances: Sequence[float], dfs: Sequence[int]) -> tuple[float, float]:
    """Sum of the variances that the runs of each method bring, and its degrees of freedom.

    These add up where the methods have equal numbers of runs; else they are Satterthwaite's (Welch), as the smaller
    number would otherwise borrow certainty from the larger: a false-positive rate of .09 for 2 and 5 seeds when the
    seed dominates.
    """
    total, df = _combined(variances, dfs)
    return total, float(sum(dfs)) if len(set(dfs)) == 1 else df


def _combined(parts: Sequence[float], dfs: Sequence[int]) -> tuple[float, float]:
    total = float(math.fsum(parts))
    if total < ROUNDING:
        return 0.0, float(sum(dfs))
    return total, total**2 / sum(part**2 / df for part, df in zip(parts, dfs, strict=True))
