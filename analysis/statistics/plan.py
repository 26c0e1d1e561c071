"""What designs a wanted effect needs, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL
from analysis.statistics.outcome import ALPHA
from analysis.statistics.power import (
    Components,
    detectable,
    estimate_components,
    questions_needed,
    seed_interval,
    seeds_needed,
)
from analysis.statistics.scores import Scores


def designs(
    components: Components,
    effect: float,
    power: float,
    questions: Sequence[int],
    samples: Sequence[int],
    seeds: Sequence[int],
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Samples x seeds: the true difference that each number of questions detects, and the questions ``effect`` needs.

    Columns: samples (per question and seed), seeds (of each method), "detectable, n = …" (accuracy, 0 to 1) for each
    of ``questions``, questions_needed (missing where no number of questions is enough: more seeds are needed).
    """
    rows = []
    for k in samples:
        for s in seeds:
            found = {f"detectable, n = {n}": detectable(components, n, k, s, power, alpha) for n in questions}
            needed = questions_needed(components, effect, k, s, power, alpha)
            rows.append({"samples": k, "seeds": s, **found, "questions_needed": needed})
    return pd.DataFrame(rows).astype({"questions_needed": "Int64"})


def seeds_for(
    components: Components,
    effect: float,
    power: float,
    questions: Sequence[int],
    samples: Sequence[int],
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Questions x samples: seeds_needed of each method (missing where no number of seeds is enough)."""
    rows = [
        {"questions": n, "samples": k, "seeds_needed": seeds_needed(components, effect, n, k, power, alpha)}
        for n in questions
        for k in samples
    ]
    return pd.DataFrame(rows).astype({"seeds_needed": "Int64"})


def components_of(scores: Scores, a: str, b: str) -> tuple[Components, tuple[float, float]]:
    """Components estimated from the scores of two methods on all questions, and the 95% interval of the seeds'.

    Raises:
        InputError: a method has no scores, or the design is too small to tell the components apart.
    """
    scores.require(f"pair {a}:{b}", a, b)
    first, second = (scores.accuracies(method, ALL).to_numpy() for method in (a, b))
    counts = [scores.samples(method, ALL).to_numpy() for method in (a, b)]
    try:
        return estimate_components(first, second, *counts), seed_interval(first, second)
    except ValueError as error:
        raise InputError(f"pair {a}:{b}: {error}") from error
