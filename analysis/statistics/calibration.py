"""How often each test finds a difference where there is none: simulated experiments under the null."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.effects import posterior_probability
from analysis.statistics.outcome import ALPHA, Array
from analysis.statistics.power import Components
from analysis.statistics.secondary import (
    mcnemar_majority,
    paired_t_questions,
    paired_t_seeds,
    permutation_seeds,
    sign_flip_questions,
    wilcoxon_questions,
)
from analysis.statistics.significance import crossed_test

Counts = NDArray[np.int64]
BAND = (0.03, 0.07)
PRIMARY = "crossed"
# Of a question's difficulty: many are nearly never or nearly always solved.
DIFFICULTY = (1.2, 1.2)
# Fewer than in a report, where a p-value is read to three digits; here it is only held against 0.05.
PERMUTATIONS = 999
DRAWS = 400


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


def simulate(
    rng: np.random.Generator,
    questions: int,
    seeds: int,
    samples: int = 32,
    effect: float = 0.0,
    components: Components | None = None,
) -> Experiment:
    """Draw the samples of two methods, the first ``effect`` (in accuracy) above the second.

    A sample is right with probability difficulty + question x method + seed + question x seed effects, the first from
    Beta(1.2, 1.2) and shared by the methods, the others normal with the standard deviations of ``components``
    (None: the default ones), cut to 0 to 1.
    """
    sizes = components or Components()
    difficulty = rng.beta(*DIFFICULTY, (questions, 1))
    arms = []
    for shift in (effect, 0.0):
        p = difficulty + shift + rng.normal(0.0, sizes.question_method, (questions, 1))
        p = p + rng.normal(0.0, sizes.seed, (1, seeds)) + rng.normal(0.0, sizes.question_seed, (questions, seeds))
        arms.append(rng.binomial(samples, np.clip(p, 0.0, 1.0)))
    return Experiment(arms[0], arms[1], samples)


def _posterior_p(experiment: Experiment) -> float:
    """Twice the posterior probability of the less likely order: below 0.05 where the other has more than 0.975."""
    above = posterior_probability(*experiment.pooled, draws=DRAWS)
    return 2 * min(above, 1 - above)


#: What is calibrated: the p-value that each test gives for an experiment, by the names of the significance table.
P_VALUES: dict[str, Callable[[Experiment], float]] = {
    PRIMARY: lambda e: crossed_test(*e.accuracies).p,
    "paired_t_questions": lambda e: paired_t_questions(*e.accuracies).p,
    "sign_flip_questions": lambda e: sign_flip_questions(*e.accuracies, permutations=PERMUTATIONS).p,
    "wilcoxon_questions": lambda e: wilcoxon_questions(*e.accuracies).p,
    "mcnemar_majority": lambda e: mcnemar_majority(*e.majorities).p,
    "paired_t_seeds": lambda e: paired_t_seeds(*e.accuracies).p,
    "permutation_seeds": lambda e: permutation_seeds(*e.accuracies).p,
    "posterior_probability": _posterior_p,
}


def false_positive_rates(
    designs: Sequence[tuple[int, int]],
    samples: int,
    repetitions: int,
    seed: int,
    tests: Sequence[str] = tuple(P_VALUES),
) -> pd.DataFrame:
    """Share of null experiments in which a test's p is below 0.05.

    Args:
        designs: (questions, seeds) of each method, two or more of either.
        samples: per question and seed.
        repetitions: experiments of each design.
        seed: of the simulation. The same experiments go through every test.
        tests: names in :data:`P_VALUES`.

    Returns:
        a frame with the columns questions, seeds, test, rate, error (Monte-Carlo standard error of the rate).
    """
    rows = []
    for questions, seeds in designs:
        rng = np.random.default_rng([seed, questions, seeds])
        rejected = dict.fromkeys(tests, 0)
        for _ in range(repetitions):
            experiment = simulate(rng, questions, seeds, samples)
            for name in tests:
                rejected[name] += P_VALUES[name](experiment) < ALPHA
        for name, count in rejected.items():
            # Agresti and Coull's, which is not 0 where nothing was counted.
            near = (count + 2) / (repetitions + 4)
            error = math.sqrt(near * (1 - near) / (repetitions + 4))
            rate = count / repetitions
            rows.append({"questions": questions, "seeds": seeds, "test": name, "rate": rate, "error": error})
    return pd.DataFrame(rows)
