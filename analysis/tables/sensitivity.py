"""How much a wording of the prompt, or a temperature, changes by itself: the table of a sensitivity experiment.

One model answers the same questions under several wordings, each at the same temperatures; these settings are arms of
the experiment. A row compares two settings that differ in one of both alone. What such rows show is no method's doing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL
from analysis.statistics.primary import Arms
from analysis.statistics.scores import Scores
from analysis.statistics.significance import holm
from analysis.tables import SENSITIVITY
from analysis.tables.family import Member, decided
from analysis.tables.files import framed, read_table

Varied = Literal["wording", "temperature"]
#: Of sensitivity.csv, in its order; accuracies are of all questions and lie in 0 to 1.
COLUMNS: dict[str, type] = {
    # In what the two settings differ, and the value of the other that they share.
    "varied": str,
    "held": str,
    # The two values, and the arms that have them.
    "a": str,
    "b": str,
    "method_a": str,
    "method_b": str,
    "accuracy_a": float,
    "accuracy_b": float,
    # a minus b by the crossed test, with its 95% interval; Holm over the rows that vary the same.
    "difference": float,
    "ci_low": float,
    "ci_high": float,
    "p_value": float,
    "p_adjusted": float,
    # The true difference that is found with 80% power at the level alpha, and its 95% interval.
    "mde": float,
    "mde_low": float,
    "mde_high": float,
    "alpha": float,
}


class Setting(NamedTuple):
    """An arm, and under which wording and at which temperature it answers, both as they are called."""

    arm: str
    wording: str
    temperature: str

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Read ``arm=wording:temperature``. Raises InputError."""
        arm, _, setting = text.partition("=")
        wording, _, temperature = setting.partition(":")
        if not (arm and wording and temperature):
            raise InputError(f"--settings {text!r}: needed is ARM=WORDING:TEMPERATURE")
        return cls(arm, wording, temperature)


def sensitivity_table(scores: Scores, settings: Sequence[Setting]) -> pd.DataFrame:
    """Pairs of settings that differ in one thing, with :data:`COLUMNS`: in the wording first, then in the temperature.

    Raises:
        InputError: an arm has no scores, or no two settings differ in one thing alone.
    """
    tested = []
    for varied, held, values, (first, second) in _pairs(settings):
        scores.require("--settings", first.arm, second.arm)
        arms = Arms.of(scores, first.arm, second.arm, ALL)
        row: dict[str, object] = {
            "varied": varied,
            "held": held,
            "a": values[0],
            "b": values[1],
            "method_a": first.arm,
            "method_b": second.arm,
            "accuracy_a": float(arms.a.mean()),
            "accuracy_b": float(arms.b.mean()),
        }
        tested.append(Member((varied,), row, *arms.test()))
    if not tested:
        raise InputError("--settings: no two of them differ in the wording or the temperature alone")
    return framed(decided(tested, holm), COLUMNS)


def _pairs(
    settings: Sequence[Setting],
) -> Iterator[tuple[Varied, str, tuple[str, str], tuple[Setting, Setting]]]:
    for first, second in combinations(settings, 2):
        if first.temperature == second.temperature and first.wording != second.wording:
            yield "wording", first.temperature, (first.wording, second.wording), (first, second)
    for first, second in combinations(settings, 2):
        if first.wording == second.wording and first.temperature != second.temperature:
            yield "temperature", first.wording, (first.temperature, second.temperature), (first, second)


def largest(table: pd.DataFrame, varied: Varied) -> pd.Series | None:
    """The row with the largest difference, either way, among those that vary the same; None where none does."""
    rows = table[table["varied"] == varied]
    return None if rows.empty else rows.iloc[int(rows["difference"].abs().to_numpy().argmax())]


def read_sensitivity(folder: Path) -> pd.DataFrame | None:
    """sensitivity.csv of a folder of tables, None where the experiment is about none. Raises InputError."""
    return read_table(folder, SENSITIVITY, COLUMNS) if (folder / f"{SENSITIVITY}.csv").exists() else None
