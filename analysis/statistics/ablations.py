"""The ablation table: what each component contributes, as the full method minus the method without it.

Ablations look for what matters among many components, so the rate of false discoveries is held (Benjamini-Hochberg),
and not, as for the declared comparisons, the chance of any (Holm).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.scores import ALL, MACRO, Scores
from analysis.statistics.comparisons import primary_test
from analysis.statistics.significance import bh


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
    """Component x benchmark, by the crossed test.

    Columns: component, benchmark, without (the method that lacks it), difference (full minus without, in accuracy),
    ci_low, ci_high (95%), p_value, p_adjusted (Benjamini-Hochberg over the components, within a benchmark), then full.

    Raises:
        InputError: a component is named twice, or a method has no scores.
    """
    components = [ablation.component for ablation in ablations]
    if len(set(components)) < len(components):
        raise InputError(f"ablations {', '.join(components)}: a component is named twice")
    rows = []
    for component, full, without in ablations:
        scores.require(f"ablation {component}={full}:{without}", full, without)
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            outcome = primary_test(scores, full, without, benchmark)
            rows.append(
                {
                    "component": component,
                    "benchmark": benchmark,
                    "without": without,
                    "difference": outcome.difference,
                    "ci_low": outcome.interval[0],
                    "ci_high": outcome.interval[1],
                    "p_value": outcome.p,
                    "p_adjusted": float("nan"),
                    "full": full,
                }
            )
    table = pd.DataFrame(rows)
    for _, family in table.groupby("benchmark"):
        table.loc[family.index, "p_adjusted"] = bh(list(family["p_value"]))
    return table
