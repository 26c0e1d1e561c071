"""What designs a wanted effect needs, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL
from analysis.statistics.outcome import ALPHA
from analysis.statistics.power import (
    Components,
    design_parts,
    detectable,
    estimate_components,
    questions_needed,
    seed_interval,
    seed_limit,
    seeds_needed,
)
from analysis.statistics.rejection import adjusted_power, equivalence_margin
from analysis.statistics.scores import Scores


def designs(
    components: Components,
    effect: float,
    power: float,
    questions: Sequence[int],
    samples: Sequence[int],
    seeds: Sequence[int],
    comparisons: int = 1,
) -> pd.DataFrame:
    """Samples x seeds: what each number of questions tells, and the questions ``effect`` needs.

    Columns: samples (per question and seed), seeds (of each method); for each of ``questions`` "detectable, n = …", the
    true difference that is found with probability ``power`` (accuracy, 0 to 1), and "equivalence, n = …", the smallest
    effect of interest with which methods that do not differ are called equivalent as often; questions_needed (missing
    where no number of questions is enough: more seeds are needed). All at 0.05 / ``comparisons``.
    """
    alpha = ALPHA / comparisons
    rows = []
    for k in samples:
        for s in seeds:
            row: dict[str, object] = {"samples": k, "seeds": s}
            for n in questions:
                row[f"detectable, n = {n}"] = detectable(components, n, k, s, power, alpha)
                row[f"equivalence, n = {n}"] = equivalence_margin(design_parts(components, n, k, s), power, alpha)
            rows.append(row | {"questions_needed": questions_needed(components, effect, k, s, power, alpha)})
    return pd.DataFrame(rows).astype({"questions_needed": "Int64"})


def seeds_for(
    components: Components,
    effect: float,
    power: float,
    questions: Sequence[int],
    samples: Sequence[int],
    comparisons: int = 1,
) -> pd.DataFrame:
    """Questions x samples: the seeds that ``effect`` needs, and how often it is then found.

    Columns: questions, samples, seeds_needed of each method (missing where no number of seeds is enough); of several
    comparisons, power_if_alike: after Holm's adjustment, if all are of one method with others and differ by ``effect``.
    If the others do not differ, that power is ``power`` or hardly more.
    """
    rows = []
    for n in questions:
        for k in samples:
            needed = seeds_needed(components, effect, n, k, power, ALPHA / comparisons)
            row: dict[str, object] = {"questions": n, "samples": k, "seeds_needed": needed}
            if comparisons > 1:
                parts = None if needed is None else design_parts(components, n, k, needed)
                row["power_if_alike"] = (
                    math.nan if parts is None else adjusted_power(parts, effect, effect, comparisons)
                )
            rows.append(row)
    return pd.DataFrame(rows).astype({"seeds_needed": "Int64"})


class Measured(NamedTuple):
    """Sizes of the sources of variance between two methods that were run.

    Attributes:
        sizes: estimates.
        interval: of the seeds', at 95%.
        limit: that the seeds' stays below with the confidence asked for; None where none was.
    """

    sizes: Components
    interval: tuple[float, float]
    limit: float | None

    @property
    def designed_on(self) -> Components:
        """Those to design on: with the limit in place of the seeds' estimate."""
        return self.sizes if self.limit is None else replace(self.sizes, seed=self.limit)


def measured(scores: Scores, a: str, b: str, confidence: float | None = None) -> Measured:
    """What the scores of two methods on all questions tell.

    Raises:
        InputError: a method has no scores, or the design is too small to tell the components apart.
    """
    scores.require(f"pair {a}:{b}", a, b)
    first, second = (scores.accuracies(method, ALL).to_numpy() for method in (a, b))
    counts = [scores.samples(method, ALL).to_numpy() for method in (a, b)]
    try:
        limit = None if confidence is None else seed_limit(first, second, confidence)
        return Measured(estimate_components(first, second, *counts), seed_interval(first, second), limit)
    except ValueError as error:
        raise InputError(f"pair {a}:{b}: {error}") from error
