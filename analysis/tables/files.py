"""Write a table in its three forms, and read it again. What columns it has, its own module says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.output import write_text
from analysis.tables.numbers import MISSING, cell_text

_FORMS = ("csv", "md", "tex")


def framed(rows: Sequence[Mapping[str, object]], columns: Mapping[str, type]) -> pd.DataFrame:
    """Rows as a table with just ``columns``, in their order; a row that lacks one is a KeyError."""
    return pd.DataFrame([[row[column] for column in columns] for row in rows], columns=list(columns))


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write ``<name>.csv`` (all digits, empty where undefined), ``.md`` and ``.tex`` (four decimals, – there)."""
    shown = table.map(cell_text, decimals=4)
    latex = shown.rename(columns=_latex_text).map(_latex_text)
    csv, md, tex = (folder / f"{name}.{form}" for form in _FORMS)
    write_text(csv, table.to_csv(index=False))
    write_text(md, shown.to_markdown(index=False, disable_numparse=True) + "\n")
    write_text(tex, latex.to_latex(index=False, escape=False))


def remove_table(folder: Path, name: str) -> None:
    """Remove what :func:`write_table` wrote in an earlier run, if anything."""
    for form in _FORMS:
        (folder / f"{name}.{form}").unlink(missing_ok=True)


def read_table(folder: Path, name: str, columns: Mapping[str, type]) -> pd.DataFrame:
    """``<name>.csv`` with all of ``columns``, numbers or nothing in the float ones, and a row. Raises InputError."""
    path = folder / f"{name}.csv"
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a table: {error}".splitlines()[0]) from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join(columns)})")
    for column, kind in columns.items():
        if kind is float and not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column!r} holds text: needed are numbers")
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table


def _latex_text(text: str) -> str:
    """Names of methods, benchmarks and columns hold no other character that LaTeX minds."""
    for plain, latex in (("_", r"\_"), ("%", r"\%"), (MISSING, "--"), ("−", "$-$"), ("∞", r"$\infty$")):
        text = text.replace(plain, latex)
    return text
