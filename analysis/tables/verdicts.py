"""What is concluded from each declared comparison: columns of the significance table, filled for its primary test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from analysis.intake.cells import ALL, MACRO
from analysis.statistics.reported import replication, reported_difference
from analysis.statistics.significance import PRIMARY, holm
from analysis.statistics.verdict import SHOWN, UNDECIDABLE, equivalence_p, verdict
from analysis.tables.family import Member

COLUMNS: dict[str, type] = {
    # Of interest, in accuracy, as declared.
    "smallest_effect": float,
    # That the true difference is as large or larger, either way (TOST); and by Holm over the pairs, within a benchmark.
    "p_equivalence": float,
    "p_equivalence_adjusted": float,
    # A word of analysis.statistics.verdict.
    "verdict": str,
    # The paper's difference of its averages, beside all questions and the mean over benchmarks; and how the 95%
    # interval stands to it, a word of analysis.statistics.reported.
    "reported": float,
    "replication": str,
}
_NOTHING = {name: math.nan if kind is float else None for name, kind in COLUMNS.items()}


def conclude_each(tested: Sequence[Member], smallest_effect: float) -> None:
    """Add :data:`COLUMNS` to the rows.

    Args:
        tested: rows of the significance table, adjusted (:func:`analysis.tables.family.decided`); a family is one of a
            benchmark and a test.
        smallest_effect: of interest, in accuracy.
    """
    families: dict[str, list[Member]] = {}
    for one in tested:
        one.row.update(_NOTHING)
        benchmark, test = one.family
        if test == PRIMARY:
            families.setdefault(benchmark, []).append(one)
    for benchmark, members in families.items():
        p_values = [equivalence_p(one.outcome, smallest_effect) for one in members]
        for one, p, p_adjusted in zip(members, p_values, holm(p_values), strict=True):
            row = one.row
            said = verdict(one.outcome, cast(float, row["p_adjusted"]), p_adjusted, cast(bool, row["room"]))
            row.update(
                smallest_effect=smallest_effect, p_equivalence=p, p_equivalence_adjusted=p_adjusted, verdict=said
            )
            theirs = reported_difference(str(row["method_a"]), str(row["method_b"]))
            if theirs is not None and benchmark in (ALL, MACRO):
                row["reported"] = theirs
                if said != UNDECIDABLE:
                    row["replication"] = replication(theirs, one.outcome.interval, said in SHOWN)
