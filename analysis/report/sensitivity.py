"""How much of a difference the prompt's wording, and the temperature, make alone, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.statistics.outcome import ALPHA
from analysis.tables.numbers import points
from analysis.tables.sensitivity import Varied, largest

_OTHER: dict[Varied, str] = {"wording": "at temperature {}", "temperature": "with the wording “{}”"}


def alone(table: pd.DataFrame) -> list[str]:
    """The largest differences of sensitivity.csv, and how many are shown."""
    return [*_sentences(table, "wording"), *_sentences(table, "temperature")]


def _sentences(table: pd.DataFrame, varied: Varied) -> Iterator[str]:
    row = largest(table, varied)
    if row is None:
        return
    rows = table[table["varied"] == varied]
    sign, below, above = (1, "b", "a") if row["difference"] >= 0 else (-1, "a", "b")
    low, high = sorted((sign * row["ci_low"], sign * row["ci_high"]))
    yield (
        f"The {varied} alone moves accuracy by up to {points(sign * row['difference'], False)} points "
        f"(95% CI {points(low)} to {points(high)}): from {points(row[f'accuracy_{below}'], False)}% ({row[below]}) to "
        f"{points(row[f'accuracy_{above}'], False)}% ({row[above]}), {_OTHER[varied].format(row['held'])}. Of "
        f"{len(rows)} such comparisons {int((rows['p_adjusted'] < ALPHA).sum())} show a difference after Holm's "
        "adjustment; the largest of several is large by chance, too."
    )
