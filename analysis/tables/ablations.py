"""The ablation table: what each component contributes, as the full method minus the method without it.

Ablations look for what matters among many components, so the rate of false discoveries is held (Benjamini-Hochberg),
and not, as for the declared comparisons, the chance of any (Holm).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL, MACRO
from analysis.statistics.primary import Arms
from analysis.statistics.reported import reported_difference
from analysis.statistics.scores import Scores
from analysis.statistics.significance import bh
from analysis.tables import ABLATIONS
from analysis.tables.family import Member, decided
from analysis.tables.files import framed, read_table

#: Of ablations.csv, in its order.
COLUMNS: dict[str, type] = {
    "component": str,
    "benchmark": str,
    # The method that lacks the component.
    "without": str,
    # Of accuracies: full minus without, with its 95% interval.
    "difference": float,
    "ci_low": float,
    "ci_high": float,
    "p_value": float,
    # Benjamini-Hochberg over the components, within a benchmark.
    "p_adjusted": float,
    "full": str,
    # The true difference that is found with 80% power at the level alpha, and its 95% interval.
    "mde": float,
    "mde_low": float,
    "mde_high": float,
    # 0.05 over the number of components, where the adjustment is strictest.
    "alpha": float,
    # The paper's difference of the same two, of its own models on its own benchmarks, beside the rows of all of ours.
    "reported": float,
}


class Ablation(NamedTuple):
    """A component, the method that has it, and the method that differs in lacking it."""

    component: str
    full: str
    without: str

    @classmethod
    def parse(cls, text: str) -> Ablation:
        """Read ``component=full:without``. Raises InputError."""
        component, _, methods = text.partition("=")
        full, _, without = methods.partition(":")
        if not (component and full and without) or ":" in without or full == without:
            raise InputError(f"{text!r}: needed is COMPONENT=FULL:WITHOUT, two different methods")
        return cls(component, full, without)


def ablations_table(scores: Scores, ablations: Sequence[Ablation]) -> pd.DataFrame:
    """Component x benchmark, by the crossed test, with :data:`COLUMNS`.

    Raises:
        InputError: a component is named twice, or a method has no scores.
    """
    components = [ablation.component for ablation in ablations]
    if len(set(components)) < len(components):
        raise InputError(f"ablations {', '.join(components)}: a component is named twice")
    tested = []
    for component, full, without in ablations:
        scores.require(f"ablation {component}={full}:{without}", full, without)
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            outcome, parts = Arms.of(scores, full, without, benchmark).test()
            row: dict[str, object] = {"component": component, "benchmark": benchmark, "full": full, "without": without}
            row["reported"] = reported_difference(full, without) if benchmark in (MACRO, ALL) else None
            tested.append(Member((benchmark,), row, outcome, parts))
    return framed(decided(tested, bh), COLUMNS)


def read_ablations(folder: Path) -> pd.DataFrame | None:
    """ablations.csv of a folder of tables, None where the experiment declares no ablation. Raises InputError."""
    return read_table(folder, ABLATIONS, COLUMNS) if (folder / f"{ABLATIONS}.csv").exists() else None
