"""Simulated experiments: two methods whose true difference is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.outcome import Array
from analysis.statistics.power import Components

Counts = NDArray[np.int64]
# Of a question's difficulty: many are nearly never or nearly always solved.
DIFFICULTY = (1.2, 1.2)
#: Difficulties where none is near 0 or 1, and the variance of a sample's correctness there, with the default sizes.
CENTRAL, CENTRAL_WITHIN = (0.4, 0.6), 0.233


class Experiment(NamedTuple):
    """A simulated comparison: right samples [questions, seeds] of either method, of ``samples`` each."""

    a: Counts
    b: Counts
    samples: int

    @property
    def accuracies(self) -> tuple[Array, Array]:
        """Accuracies [questions, seeds] of either method."""
        return self.a / self.samples, self.b / self.samples

    @property
    def majorities(self) -> tuple[Array, Array]:
        """maj@k of either method if all wrong samples give one wrong answer: a tie is worth one half."""
        return tuple(np.sign(2 * arm - self.samples) / 2 + 0.5 for arm in (self.a, self.b))  # type: ignore[return-value]

    @property
    def pooled(self) -> tuple[tuple[Counts, Counts], tuple[Counts, Counts]]:
        """Right samples and samples of each question over all seeds, of either method."""
        return tuple(  # type: ignore[return-value]
            (arm.sum(axis=1), np.full(len(arm), arm.shape[1] * self.samples)) for arm in (self.a, self.b)
        )


class Population(NamedTuple):
    """Two methods on the same questions: what any of their training runs starts from.

    Attributes:
        a: chance of the first method on each question, [questions, 1], before it is cut to 0 to 1.
        b: that of the second.
        sizes: of the effects that a run draws.
    """

    a: Array
    b: Array
    sizes: Components

    def experiment(self, rng: np.random.Generator, seeds: int, samples: int) -> Experiment:
        """So many training runs of either method, and so many samples of each question by each run."""
        a, b = (_runs(rng, base, self.sizes, seeds, samples) for base in (self.a, self.b))
        return Experiment(a, b, samples)


def population(
    rng: np.random.Generator, questions: int, effect: float = 0.0, components: Components | None = None
) -> Population:
    """Draw questions for two methods, the first ``effect`` (in accuracy) above the second.

    A sample is right with probability difficulty + question x method + seed + question x seed effects, the first from
    Beta(1.2, 1.2) and shared by the methods, the others normal with the standard deviations of ``components``
    (None: the default ones), cut to 0 to 1.
    """
    sizes = components or Components()
    a, b = _methods(rng, rng.beta(*DIFFICULTY, (questions, 1)), (effect, 0.0), sizes)
    return Population(a, b, sizes)


def simulate(
    rng: np.random.Generator,
    questions: int,
    seeds: int,
    samples: int = 32,
    effect: float = 0.0,
    components: Components | None = None,
) -> Experiment:
    """An experiment of a :func:`population` of its own."""
    return population(rng, questions, effect, components).experiment(rng, seeds, samples)


def central(
    rng: np.random.Generator,
    shifts: Sequence[float],
    questions: int,
    seeds: int,
    samples: int,
    components: Components,
) -> list[Array]:
    """Accuracies [questions, seeds] of as many methods as ``shifts``, each so far (in accuracy) above the questions'.

    As :func:`simulate`, but on questions that are neither easy nor hard (:data:`CENTRAL`), so that hardly a chance is
    cut to 0 to 1, and what is true of the methods is just what was asked for.
    """
    low, high = CENTRAL
    difficulty = low + (high - low) * rng.beta(*DIFFICULTY, (questions, 1))
    bases = _methods(rng, difficulty, shifts, components)
    return [_runs(rng, base, components, seeds, samples) / samples for base in bases]


def _methods(rng: np.random.Generator, difficulty: Array, shifts: Sequence[float], sizes: Components) -> list[Array]:
    """Chance of each method on each question, [questions, 1]."""
    return [difficulty + shift + rng.normal(0.0, sizes.question_method, difficulty.shape) for shift in shifts]


def _runs(rng: np.random.Generator, base: Array, sizes: Components, seeds: int, samples: int) -> Counts:
    p = base + rng.normal(0.0, sizes.seed, (1, seeds))
    p = p + rng.normal(0.0, sizes.question_seed, (len(base), seeds))
    return np.asarray(rng.binomial(samples, np.clip(p, 0.0, 1.0)))
