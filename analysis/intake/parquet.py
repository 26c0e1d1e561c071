"""Parquet files that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis import InputError
from analysis.intake.files import regular

_ROWS_AT_ONCE = 256
#: What pyarrow raises for a date beyond the year 9999, an unknown time zone, bytes for text, a column's name twice.
UNUSABLE = (ValueError, OverflowError, LookupError)


def read_parquet(path: Path, columns: Sequence[str], later: Sequence[str] = ()) -> pd.DataFrame:
    """``columns`` of a parquet file that has all of them and at least one row. Raises InputError.

    Those of ``later`` are NaN where they are not there: files were written without them, and are still read.
    """
    with _refused(path):
        there = pq.read_schema(path).names
        absent = [column for column in later if column not in there]
        columns = [column for column in columns if column not in absent]
        missing = [column for column in columns if column not in there]
        if missing:
            raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join(columns)})")
        frame = pd.read_parquet(path, columns=list(columns))
    if frame.empty:
        raise InputError(f"{path}: has no rows")
    return frame.assign(**dict.fromkeys(absent, float("nan")))


def parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a parquet file with its place, read as it is asked for. Raises InputError."""
    number = 0
    with _refused(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            for row in batch.to_pylist():
                number += 1
                yield f"{path}: row {number}", row


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Within it, what cannot be read of the file is an InputError."""
    try:
        regular(path)
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}".splitlines()[0]) from error
    except pa.ArrowException as error:
        raise InputError(f"{path}: is not a parquet file: {error}".splitlines()[0]) from error
    except UNUSABLE as error:
        raise InputError(f"{path}: holds what Python has no value for: {error}".splitlines()[0]) from error
