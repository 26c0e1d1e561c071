"""Read graded responses: all their columns, or those that a question needs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.intake.cells import Cell
from analysis.intake.parquet import read_parquet
from analysis.intake.samples import CONSTANT, GRADE_COLUMNS

_VOTE_COLUMNS = ("question_id", "sample", "extracted", "correct", "unanswered")
RESPONSE_COLUMNS = ("n_tokens", "correct", "unanswered")


def read_grades(path: Path) -> pd.DataFrame:
    """Graded responses. Raises InputError."""
    return read_parquet(path, GRADE_COLUMNS, later=(CONSTANT,))


def read_votes(path: Path) -> pd.DataFrame:
    """What a majority vote needs of graded responses, which may be long. Raises InputError."""
    return read_parquet(path, _VOTE_COLUMNS)


def read_responses(cell: Cell, folder: Path) -> pd.DataFrame:
    """Length and verdict of each response of a cell: RESPONSE_COLUMNS and method. Raises InputError."""
    return read_parquet(cell.grades(folder), RESPONSE_COLUMNS).assign(method=cell.method)
