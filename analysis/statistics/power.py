"""What a design could have detected, and what design a wanted effect needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
from scipy import optimize, stats

from analysis.statistics.outcome import ALPHA, Array, checked, interaction_variance

POWER = 0.8
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


def minimum_detectable_effect(se: float, df: float, power: float = POWER) -> float:
    """True difference that a two-sided t-test of this standard error and df finds with probability ``power``.

    Solves for the noncentrality of the t distribution. NaN where ``se`` or ``df`` is undefined or ``se`` is 0.
    The test is taken at 0.05, without adjustment for other comparisons. ``power`` lies in 0.5 to 0.99.
    """
    if not (math.isfinite(se) and math.isfinite(df)) or se <= 0 or df <= 0:
        return math.nan
    critical = stats.t.ppf(1 - ALPHA / 2, df)

    def shortfall(noncentrality: float) -> float:
        # Rejections on the wrong side are left out: at such power they are fewer than one in a million.
        return float(stats.nct.sf(critical, df, noncentrality)) - power

    # Where this starts, the power is above 0.8 for every df from 0.5 on, and SciPy still computes it.
    upper = 1.3 * critical + 1.0
    while shortfall(upper) < 0:
        upper *= 1.2
    return float(se * optimize.brentq(shortfall, 0.0, upper))


def design_error(components: Components, questions: int, samples: int, seeds: int) -> tuple[float, float]:
    """Expected standard error and degrees of freedom of the crossed test, both methods having ``seeds`` runs.

    The parts are those of :func:`analysis.statistics.significance.crossed_test`, with the expected value of each. With
    one seed there is no seed term, and the claim is about two checkpoints.
    """
    cell = components.question_seed**2 + components.within / samples
    question = (2 * components.question_method**2 + 2 * cell / seeds) / questions
    if seeds == 1:
        return math.sqrt(question), questions - 1
    interaction = 2 * cell / (questions * seeds)
    seed = 2 * components.seed**2 / seeds + interaction
    variance = max(seed + question - interaction, seed, question)
    df = variance**2 / (seed**2 / (2 * (seeds - 1)) + question**2 / (questions - 1))
    return math.sqrt(variance), df


def detectable(components: Components, questions: int, samples: int, seeds: int, power: float = POWER) -> float:
    """Minimum detectable effect of a design, in accuracy (0 to 1)."""
    return minimum_detectable_effect(*design_error(components, questions, samples, seeds), power)


def questions_needed(
    components: Components, effect: float, samples: int, seeds: int, power: float = POWER
) -> int | None:
    """Fewest questions with which the design detects ``effect``; None if a hundred thousand do not do."""
    return _fewest(lambda n: detectable(components, n, samples, seeds, power) <= effect, 2, MOST_QUESTIONS)


def seeds_needed(
    components: Components, effect: float, questions: int, samples: int, power: float = POWER
) -> int | None:
    """Fewest training seeds of each method, two or more, that detect ``effect``; None if a thousand do not."""
    return _fewest(lambda s: detectable(components, questions, samples, s, power) <= effect, 2, MOST_SEEDS)


def estimate_components(a: Array, b: Array, samples: int) -> Components:
    """Components by the method of moments, from a comparison that was run; a negative estimate is 0.

    Args:
        a: accuracies [questions, seeds] of the first method, each from ``samples`` samples; two seeds or more.
        b: those of the second.
        samples: per question and seed, two or more.

    Raises:
        ValueError: fewer than two questions, seeds or samples, and as
        :func:`analysis.statistics.significance.crossed_test`.
    """
    first, second = checked(a, b)
    questions = len(first)
    if min(questions, first.shape[1], second.shape[1], samples) < 2:
        raise ValueError(
            f"{questions} questions, {first.shape[1]} and {second.shape[1]} seeds, {samples} samples: "
            "needed are two of each, to tell the components apart"
        )
    arms = (first, second)
    # Sampling without bias: p(1 - p) of n samples falls short by (n - 1) / n.
    within = float(np.mean([np.mean(arm * (1 - arm)) for arm in arms])) * samples / (samples - 1)
    cells = [interaction_variance(arm) for arm in arms]
    seed = np.mean([arm.mean(axis=0).var(ddof=1) - cell / questions for arm, cell in zip(arms, cells, strict=True)])
    d = first.mean(axis=1) - second.mean(axis=1)
    question_method = (d.var(ddof=1) - sum(cell / arm.shape[1] for arm, cell in zip(arms, cells, strict=True))) / 2
    question_seed = np.mean(cells) - within / samples
    return Components(_root(question_method), _root(seed), _root(question_seed), within)


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
