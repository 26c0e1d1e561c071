"""Tests that are printed beside the primary one, and what each of them leaves out.

:func:`crossed_paired` leaves nothing out, but asks for runs with the same seeds. Those over questions average the seeds
first and so speak of these checkpoints, not of the methods; those over seeds average the questions first and so speak
of these questions only. ``python -m analysis calibrate`` shows what that costs: how often each finds a difference where
there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from analysis.statistics.outcome import ALPHA, ROUNDING, SEED, Array, Outcome, checked, only_p, per_question, t_outcome
from analysis.statistics.variance import variance_parts

#: The name of :func:`crossed_paired` in the tables.
PAIRED = "crossed_paired"
PERMUTATIONS = 9999
# Of the runs' labels: all of them up to ten runs of each method, C(20, 10) = 184,756.
MOST_LABELLINGS = 200_000
# Questions up to which scipy's Wilcoxon test goes through all flips where there are ties or zeros.
_WILCOXON_FLIPPED = 13


def crossed_paired(a: ArrayLike, b: ArrayLike) -> Outcome:
    """The primary test's, with runs of the same seed as pairs: questions and pairs of runs as crossed random effects.

    It is :func:`analysis.statistics.variance.variance_parts` of the differences [questions, seeds], as of one method.
    What a seed does to both methods alike (their order of problems) drops out; degrees of freedom of the seeds are
    S - 1 in place of 2 (S - 1). NaN unless both have the same number of runs, two or more, and for one question.
    """
    first, second = checked(a, b)
    difference = float(first.mean() - second.mean())
    if first.shape[1] != second.shape[1] or first.shape[1] < 2:
        return only_p(difference)
    parts = variance_parts([first - second], [np.ones(len(first), dtype=bool)])
    return only_p(difference) if parts is None else t_outcome(difference, math.sqrt(parts.variance), parts.df)


def paired_t_questions(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Paired t-test over questions, each averaged over its seeds: about these checkpoints, not about the methods."""
    first, second = checked(a, b)
    return _paired(first.mean(axis=1), second.mean(axis=1))


def paired_t_seeds(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Paired t-test over training runs, each averaged over its questions; NaN unless both have the same number >= 2."""
    first, second = checked(a, b)
    if first.shape[1] != second.shape[1]:
        return only_p(first.mean() - second.mean())
    return _paired(first.mean(axis=0), second.mean(axis=0))


def sign_flip_questions(a: ArrayLike, b: ArrayLike, permutations: int = PERMUTATIONS) -> Outcome:
    """Sign-flip permutation test over questions, each averaged over its seeds: p only.

    All 2^n flips where these are at most ``permutations``, else as many drawn ones. NaN for one question.
    """
    d = per_question(a, b)
    if len(d) < 2:
        return only_p(d.mean())
    outcome = stats.permutation_test(
        (d,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=permutations,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    return only_p(d.mean(), outcome.pvalue)


def wilcoxon_questions(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Wilcoxon's signed-rank test over questions, zeros by Pratt's rule: p only; 1 if all are zero, NaN for one."""
    d = per_question(a, b)
    if len(d) < 2:
        return only_p(d.mean())
    d[d**2 < ROUNDING] = 0.0
    if not d.any():
        return only_p(0.0, 1.0)
    if len(d) > _WILCOXON_FLIPPED:
        return only_p(d.mean(), stats.wilcoxon(d, zero_method="pratt").pvalue)
    # The same p, fifty times sooner: scipy goes through the flips one by one.
    outcome = stats.permutation_test(
        (d,),
        lambda x, axis: np.sum(np.sign(x) * stats.rankdata(np.abs(x), axis=axis), axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    return only_p(d.mean(), outcome.pvalue)


def permutation_seeds(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Permutation test over training runs, each averaged over its questions: p only.

    Every way to deal the labels A and B to the runs, so that p is exact, up to ten runs of each method; drawn ones
    beyond. It cannot be smaller than :func:`smallest_p`. NaN unless both methods have two runs or more.
    """
    first, second = checked(a, b)
    difference = first.mean() - second.mean()
    if min(first.shape[1], second.shape[1]) < 2:
        return only_p(difference)
    outcome = stats.permutation_test(
        (first.mean(axis=0), second.mean(axis=0)),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        permutation_type="independent",
        n_resamples=MOST_LABELLINGS,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    return only_p(difference, outcome.pvalue)


def smallest_p(seeds_a: int, seeds_b: int) -> float:
    """The smallest p-value that :func:`permutation_seeds` can give: 2 / C(S_A + S_B, S_A), 0.10 for three and three."""
    return min(1.0, 2 / math.comb(seeds_a + seeds_b, seeds_a))


def mcnemar_majority(a: ArrayLike, b: ArrayLike) -> Outcome:
    """McNemar's exact test on whether the majority answer is right: p only.

    Args:
        a: maj@k [questions, seeds] of the first method, in 0 to 1.
        b: that of the second. A question counts as right where the mean over seeds is above one half; a tie does not.

    The difference is that of the shares of right questions.
    """
    first, second = (arm.mean(axis=1) > 0.5 for arm in checked(a, b))
    table = [
        [int((first & second).sum()), int((first & ~second).sum())],
        [int((~first & second).sum()), int((~first & ~second).sum())],
    ]
    return only_p(first.mean() - second.mean(), mcnemar(table, exact=True).pvalue)


def _paired(first: Array, second: Array) -> Outcome:
    difference = float((first - second).mean())
    if len(first) < 2:
        return only_p(difference)
    se = float(stats.sem(first - second))
    if se**2 < ROUNDING:
        return t_outcome(difference, se, len(first) - 1)
    outcome = stats.ttest_rel(first, second)
    interval = outcome.confidence_interval(1 - ALPHA)
    return Outcome(
        difference, se, float(outcome.df), (float(interval.low), float(interval.high)), float(outcome.pvalue)
    )


@dataclass(frozen=True)
class Compared:
    """Two methods as the tests take them.

    Attributes:
        a: accuracies [questions, seeds] of the first.
        b: those of the second.
        majorities: maj@k of either, likewise; None where it is not known.
        same_seeds: whether their runs have the same seeds, which makes pairs of them.
        permutations: that are drawn where there are too many to take all.
    """

    a: Array
    b: Array
    majorities: tuple[Array, Array] | None = None
    same_seeds: bool = True
    permutations: int = PERMUTATIONS

    @property
    def several_seeds(self) -> bool:
        """Whether both have two runs or more."""
        return min(self.a.shape[1], self.b.shape[1]) >= 2


#: Every test by its name in the significance table and in ``calibrate``; None where the design does not allow it.
TESTS: dict[str, Callable[[Compared], Outcome | None]] = {
    PAIRED: lambda it: crossed_paired(it.a, it.b) if it.several_seeds and it.same_seeds else None,
    "paired_t_questions": lambda it: paired_t_questions(it.a, it.b),
    "sign_flip_questions": lambda it: sign_flip_questions(it.a, it.b, it.permutations),
    "wilcoxon_questions": lambda it: wilcoxon_questions(it.a, it.b),
    "paired_t_seeds": lambda it: paired_t_seeds(it.a, it.b) if it.several_seeds and it.same_seeds else None,
    "permutation_seeds": lambda it: permutation_seeds(it.a, it.b) if it.several_seeds else None,
    "mcnemar_majority": lambda it: mcnemar_majority(*it.majorities) if it.majorities is not None else None,
}
