"""How often each 95% interval holds what it is an interval of: simulated experiments whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.calibration import share
from analysis.statistics.detectable import detectable_effect
from analysis.statistics.effects import probability_of_improvement
from analysis.statistics.intervals import over_questions_and_runs
from analysis.statistics.outcome import Array
from analysis.statistics.power import Components
from analysis.statistics.rejection import detectable_difference
from analysis.statistics.significance import crossed_parts, crossed_test
from analysis.statistics.simulation import population
from analysis.statistics.variance import Parts

#: What is an interval of what, by the names that the report has for them.
INTERVALS = ("crossed", "with runs", "probability_of_improvement", "detectable")
# Of either method, for the true probability of improvement: its error is a few hundredths of an interval's width.
MANY_RUNS = 400


class Design(NamedTuple):
    """Questions, training seeds of each method (two or more of either), and the seeds' standard deviation."""

    questions: int
    seeds: int
    seed: float


def coverage(designs: Sequence[Design], samples: int, repetitions: int, seed: int) -> pd.DataFrame:
    """Share of experiments without a difference in which an interval holds the truth.

    "crossed" is of the difference on other questions and with other runs, which is 0; "with runs" of the first
    method's accuracy likewise, which is one half; "probability_of_improvement" of what more runs would find on these
    questions; "detectable" of the effect that follows from the mean of each part of the variance over the repetitions.

    Args:
        designs: of the experiments.
        samples: per question and seed.
        repetitions: experiments of each design.
        seed: of the simulation. Every interval is of the same experiments.

    Returns:
        a frame with the columns questions, seeds, seed_sd, interval, rate, error (Monte-Carlo standard error).
    """
    rows = []
    for questions, seeds, deviation in designs:
        rng = np.random.default_rng([seed, questions, seeds, round(1e6 * deviation)])
        held = dict.fromkeys(INTERVALS, 0)
        found = []
        for _ in range(repetitions):
            drawn = population(rng, questions, components=Components(seed=deviation))
            first, second = drawn.experiment(rng, seeds, samples).accuracies
            low, high = crossed_test(first, second).interval
            held["crossed"] += low <= 0 <= high
            low, high, _ = over_questions_and_runs([first])
            held["with runs"] += low <= 0.5 <= high
            _, low, high = probability_of_improvement(first, second)
            held["probability_of_improvement"] += (
                low <= _improvement(*drawn.experiment(rng, MANY_RUNS, samples).accuracies) <= high
            )
            parts = crossed_parts(first, second)
            assert parts is not None, "two questions or more"
            found.append(parts)
        truth = _true_effect(found)
        held["detectable"] = sum(low <= truth <= high for _, low, high in map(detectable_effect, found))
        design = {"questions": questions, "seeds": seeds, "seed_sd": deviation}
        rows += [{**design, "interval": name, **share(count, repetitions)} for name, count in held.items()]
    return pd.DataFrame(rows)


def _improvement(a: Array, b: Array) -> float:
    """The probability of improvement, each run against one of the other method's."""
    return float(np.mean((a > b) + 0.5 * (a == b)))


def _true_effect(found: Sequence[Parts]) -> float:
    return detectable_difference(Parts(*np.mean(found, axis=0)))
