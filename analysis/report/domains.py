"""The primary comparison in the domain of training and out of it, a sentence each."""

from __future__ import annotations

import math

import pandas as pd

from analysis.statistics.significance import PRIMARY
from analysis.tables.names import inline_name
from analysis.tables.numbers import p_equals, p_text, points
from analysis.tables.shown import place_name


def apart(pairs: pd.DataFrame, methods: tuple[str, str]) -> list[str]:
    """What the crossed test says of the two ``methods`` in each scope, and in each single domain where it is told.

    Args:
        pairs: domain_pairs.csv.
        methods: of the primary comparison, the first minus the second.
    """
    rows = pairs[(pairs["test"] == PRIMARY) & (pairs["method_a"] == methods[0]) & (pairs["method_b"] == methods[1])]
    return [_sentence(row) for _, row in rows.iterrows()]


def _sentence(row: pd.Series) -> str:
    place, a, b = place_name(row), inline_name(row["method_a"]), inline_name(row["method_b"])
    said = f"{place[0].upper()}{place[1:]}, {a} minus {b} is {points(row['difference'])} points"
    if math.isnan(row["p_adjusted"]):
        return f"{said}; this design allows no test of it."
    return (
        f"{said} (95% CI {points(row['ci_low'])} to {points(row['ci_high'])}, p {p_equals(row['p_value'])}; "
        f"{p_text(row['p_adjusted'])} after Holm's adjustment): {row['verdict']}."
    )
