"""One graded evaluation, what it is called, and where its grades lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from analysis import InputError

#: Rows of the tables that are no benchmark: all questions pooled, and the mean over benchmarks.
ALL = "all"
MACRO = "macro"


class Cell(NamedTuple):
    """One graded evaluation: a method, its training seed, a benchmark."""

    method: str
    seed: int
    benchmark: str

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Read ``method:seed:benchmark``. Raises InputError."""
        parts = text.split(":")
        if len(parts) != 3 or not all(parts) or not parts[1].isdecimal():
            raise InputError(f"{text!r}: needed is method:seed:benchmark, seed a number")
        if parts[2] in (ALL, MACRO):
            raise InputError(f"{text!r}: a benchmark cannot be named {parts[2]!r}, the name of a row of the tables")
        return cls(parts[0], int(parts[1]), parts[2])

    def grades(self, folder: Path) -> Path:
        """Where the grades of this cell lie."""
        return folder / self.method / f"seed{self.seed}" / f"{self.benchmark}.parquet"
