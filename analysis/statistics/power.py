"""What a design detects if its sources of variance are known, and what design a wanted effect needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.statistics.outcome import ALPHA, Array, checked, interaction_variance
from analysis.statistics.rejection import POWER, detectable_difference
from analysis.statistics.variance import Parts

MOST_QUESTIONS = 100_000
MOST_SEEDS = 1_000


@dataclass(frozen=True)
class Components:
    """Where accuracies vary, for two methods alike.

    The defaults resemble reinforcement learning of a policy that solves about half of its questions.

    Attributes:
        question_method: standard deviation of what a method does to a question, beyond the question's difficulty
            (which pairing removes).
        seed: standard deviation of what a training seed does to all questions.
        question_seed: standard deviation of what a training seed does to a question.
        within: variance of a sample's correctness, the mean of p(1 - p).
    """

    question_method: float = 0.08
    seed: float = 0.02
    question_seed: float = 0.08
    within: float = 0.17


def design_parts(components: Components, questions: int, samples: int, seeds: int) -> Parts:
    """Expected parts of the crossed test's variance, both methods having ``seeds`` runs.

    They are those of :func:`analysis.statistics.significance.crossed_parts`. With one seed there is no seed part, and
    the claim is about two checkpoints.
    """
    cell = components.question_seed**2 + components.within / samples
    question = (2 * components.question_method**2 + 2 * cell / seeds) / questions
    if seeds == 1:
        return Parts(0.0, 0.0, question, questions - 1, 0.0)
    interaction = 2 * cell / (questions * seeds)
    seed = 2 * components.seed**2 / seeds + interaction
    return Parts(seed, 2 * (seeds - 1), question, questions - 1, interaction)


def detectable(
    components: Components, questions: int, samples: int, seeds: int, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Minimum detectable effect of a design, in accuracy (0 to 1)."""
    return detectable_difference(design_parts(components, questions, samples, seeds), power, alpha)


def questions_needed(
    components: Components, effect: float, samples: int, seeds: int, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """Fewest questions with which the design detects ``effect``; None if a hundred thousand do not do."""
    return _fewest(lambda n: detectable(components, n, samples, seeds, power, alpha) <= effect, 2, MOST_QUESTIONS)


def seeds_needed(
    components: Components, effect: float, questions: int, samples: int, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """Fewest training seeds of each method, two or more, that detect ``effect``; None if a thousand do not."""
    return _fewest(lambda s: detectable(components, questions, samples, s, power, alpha) <= effect, 2, MOST_SEEDS)


def estimate_components(a: Array, b: Array, samples_a: ArrayLike, samples_b: ArrayLike) -> Components:
    """Components by the method of moments, from a comparison that was run; a negative estimate is 0.

    Args:
        a: accuracies [questions, seeds] of the first method, two or more of each.
        b: those of the second.
        samples_a: samples that each accuracy of ``a`` is of, two or more: [questions, seeds], or one number for all.
        samples_b: those of ``b``.

    Raises:
        ValueError: fewer than two questions, seeds or samples, and as
        :func:`analysis.statistics.significance.crossed_test`.
    """
    arms, questions, seeds = _two_of_each(a, b)
    counts = [np.broadcast_to(n, arm.shape) for n, arm in zip((samples_a, samples_b), arms, strict=True)]
    fewest = min(int(n.min()) for n in counts)
    if fewest < 2:
        raise ValueError(f"{fewest} samples of a question: needed are two, to tell the components apart")
    # Sampling without bias: p(1 - p) of n samples falls short by (n - 1) / n.
    within = float(np.mean([np.mean(arm * (1 - arm) * n / (n - 1)) for arm, n in zip(arms, counts, strict=True)]))
    noise = np.mean([np.mean(arm * (1 - arm) / (n - 1)) for arm, n in zip(arms, counts, strict=True)])
    cells = [interaction_variance(arm) for arm in arms]
    d = arms[0].mean(axis=1) - arms[1].mean(axis=1)
    shared = sum(cell / of_arm for cell, of_arm in zip(cells, seeds, strict=True))
    return Components(
        question_method=_root((d.var(ddof=1) - shared) / 2),
        seed=_root(np.mean([_seed_means(arm) for arm in arms]) - np.mean(cells) / questions),
        question_seed=_root(np.mean(cells) - noise),
        within=within,
    )


def seed_interval(a: Array, b: Array) -> tuple[float, float]:
    """95% interval of the standard deviation of a training seed's effect, as :func:`estimate_components` has it.

    The variances of the seed means, averaged over the methods, are taken for one chi-square variable, of S_A - 1 and
    S_B - 1 degrees of freedom together, and what the question x seed interaction adds to them is subtracted from either
    end. Raises ValueError as :func:`estimate_components`.
    """
    arms, questions, seeds = _two_of_each(a, b)
    df = sum(seeds) - len(seeds)
    total, added = _total(arms), _added(arms, questions)
    low, high = (df * total / stats.chi2.ppf(q, df) - added for q in (1 - ALPHA / 2, ALPHA / 2))
    return _root(low), _root(high)


def seed_limit(a: Array, b: Array, confidence: float) -> float:
    """What a training seed's standard deviation stays below so surely: to design on, where few seeds tell it.

    The upper limit of :func:`seed_interval`'s variance, one-sided: of designs made on a pilot's limit at 80%, four in
    five have the power they were made for (Browne 1995, Stat. Med. 14:1933). Its degrees of freedom are those of one
    method alone, since runs with the same seed share their order of problems and may deviate together.

    Args:
        a: accuracies [questions, seeds] of the first method, two or more of each.
        b: those of the second.
        confidence: 0.5 to 0.99.

    Raises ValueError as :func:`estimate_components`.
    """
    arms, questions, seeds = _two_of_each(a, b)
    df = min(seeds) - 1
    return _root(df * _total(arms) / stats.chi2.ppf(1 - confidence, df) - _added(arms, questions))


def _total(arms: tuple[Array, Array]) -> float:
    """Variance of the seed means, the mean of both arms'."""
    return float(np.mean([_seed_means(arm) for arm in arms]))


def _added(arms: tuple[Array, Array], questions: int) -> float:
    """Its part that the question x seed interaction brings."""
    return float(np.mean([interaction_variance(arm) for arm in arms])) / questions


def _two_of_each(a: Array, b: Array) -> tuple[tuple[Array, Array], int, tuple[int, int]]:
    """Both arms, their questions and their seeds; ValueError unless there are two of each."""
    arms = checked(a, b)
    questions, seeds = len(arms[0]), (arms[0].shape[1], arms[1].shape[1])
    if min(questions, *seeds) < 2:
        raise ValueError(
            f"{questions} questions, {seeds[0]} and {seeds[1]} seeds: needed are two of each, to tell the components "
            "apart"
        )
    return arms, questions, seeds


def _seed_means(arm: Array) -> float:
    return float(arm.mean(axis=0).var(ddof=1))


def _root(variance: SupportsFloat) -> float:
    return math.sqrt(max(0.0, float(variance)))


def _fewest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """Smallest of low … high that is enough, found to within a step of 5% and then by halving that step.

    More is not always better: with few seeds, more questions shift weight to a variance of few degrees of freedom. So
    the steps are walked from below, and only the last one is halved.
    """
    below, size = low - 1, low
    while not enough(size):
        below, size = size, max(size + 1, math.ceil(1.05 * size))
        if size > high:
            return None
    while size - below > 1:
        middle = (below + size) // 2
        below, size = (below, middle) if enough(middle) else (middle, size)
    return size
