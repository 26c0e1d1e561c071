"""How often each test finds a difference where there is none: simulated experiments under the null."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.statistics.effects import posterior_probability
from analysis.statistics.mixed import MIXED, mixed_logistic
from analysis.statistics.outcome import ALPHA, Outcome
from analysis.statistics.secondary import TESTS, Compared
from analysis.statistics.significance import PRIMARY, crossed_test
from analysis.statistics.simulation import Experiment, simulate

BAND = (0.03, 0.07)

# Fewer than in a report, where a p-value is read to three digits; here it is only held against 0.05.
PERMUTATIONS = 999
DRAWS = 400


def _posterior_p(experiment: Experiment) -> float:
    """Twice the posterior probability of the less likely order: below 0.05 where the other has more than 0.975."""
    above = posterior_probability(*experiment.pooled, draws=DRAWS)
    return 2 * min(above, 1 - above)


def _p(test: Callable[[Compared], Outcome | None]) -> Callable[[Experiment], float]:
    def p(experiment: Experiment) -> float:
        outcome = test(Compared(*experiment.accuracies, experiment.majorities, permutations=PERMUTATIONS))
        return math.nan if outcome is None else outcome.p

    return p


def _mixed_p(experiment: Experiment) -> float:
    samples = np.full(experiment.a.shape, float(experiment.samples))
    return mixed_logistic(experiment.accuracies, (samples, samples), crossed_test(*experiment.accuracies).df).p


#: What is calibrated: the p-value that each test gives for an experiment, by the names of the significance table.
P_VALUES: dict[str, Callable[[Experiment], float]] = {
    PRIMARY: lambda e: crossed_test(*e.accuracies).p,
    MIXED: _mixed_p,
    **{name: _p(test) for name, test in TESTS.items()},
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
            rows.append({"questions": questions, "seeds": seeds, "test": name, **share(count, repetitions)})
    return pd.DataFrame(rows)


def share(count: int, repetitions: int) -> dict[str, float]:
    """``rate``, the share of the repetitions, and ``error``, its Monte-Carlo standard error, not 0 for a count of 0."""
    # Agresti and Coull's.
    near = (count + 2) / (repetitions + 4)
    return {"rate": count / repetitions, "error": math.sqrt(near * (1 - near) / (repetitions + 4))}
