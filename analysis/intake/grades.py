"""Read graded responses: all their columns, or those that a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import InputError
from analysis.intake.cells import Cell
from analysis.intake.samples import GRADE_COLUMNS

_VOTE_COLUMNS = ("question_id", "sample", "extracted", "correct", "unanswered")
RESPONSE_COLUMNS = ("n_tokens", "correct", "unanswered")


def read_grades(path: Path) -> pd.DataFrame:
    """Graded responses. Raises InputError."""
    return read_parquet(path, GRADE_COLUMNS)


def read_votes(path: Path) -> pd.DataFrame:
    """What a majority vote needs of graded responses, which may be long. Raises InputError."""
    return read_parquet(path, _VOTE_COLUMNS)


def read_responses(cell: Cell, folder: Path) -> pd.DataFrame:
    """Length and verdict of each response of a cell: RESPONSE_COLUMNS and method. Raises InputError."""
    return read_parquet(cell.grades(folder), RESPONSE_COLUMNS).assign(method=cell.method)


def read_parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """``columns`` of a parquet file that has all of them and at least one row. Raises InputError."""
    try:
        there = pq.read_schema(path).names
        missing = [column for column in columns if column not in there]
        if missing:
            raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join(columns)})")
        frame = pd.read_parquet(path, columns=list(columns))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}".splitlines()[0]) from error
    except pa.ArrowException as error:
        raise InputError(f"{path}: is not a parquet file: {error}".splitlines()[0]) from error
    if frame.empty:
        raise InputError(f"{path}: has no rows")
    return frame
