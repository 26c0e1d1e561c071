"""Write a table in its three forms, and read it again. What columns it has, its own module says.

Names may be anybody's: of folders, of files. Each form has them as text, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.intake.files import regular
from analysis.output import write_text
from analysis.tables.numbers import MISSING, cell_text

_FORMS = ("csv", "md", "tex")
# Spreadsheets take a cell that begins so for a formula. The mark before it is one that they do not show.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_MARK = "'"
# A row that begins with one of the last two would be an argument of the line end before it.
_LATEX = {
    **{sign: f"\\{sign}" for sign in "_%&#${}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    **{MISSING: "--", "−": "$-$", "∞": r"$\infty$"},
    **{"[": "{[}", "*": "{*}"},
}


def framed(rows: Sequence[Mapping[str, object]], columns: Mapping[str, type]) -> pd.DataFrame:
    """Rows as a table with just ``columns``, in their order; a row that lacks one is a KeyError."""
    return pd.DataFrame([[row[column] for column in columns] for row in rows], columns=list(columns))


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write ``<name>.csv`` (all digits, empty where undefined), ``.md`` and ``.tex`` (four decimals, – there)."""
    shown = table.map(cell_text, decimals=4).map(_printable)
    latex = shown.rename(columns=_latex_text).map(_latex_text)
    csv, md, tex = (folder / f"{name}.{form}" for form in _FORMS)
    write_text(csv, table.map(_csv_text).to_csv(index=False, lineterminator="\n"))
    write_text(md, shown.map(markdown_text).to_markdown(index=False, disable_numparse=True) + "\n")
    write_text(tex, latex.to_latex(index=False, escape=False))


def remove_table(folder: Path, name: str) -> None:
    """Remove what :func:`write_table` wrote in an earlier run, if anything."""
    for form in _FORMS:
        (folder / f"{name}.{form}").unlink(missing_ok=True)


def read_table(folder: Path, name: str, columns: Mapping[str, type], may_be_empty: bool = False) -> pd.DataFrame:
    """``<name>.csv`` with all of ``columns``, numbers or nothing in the float ones, and a row. Raises InputError.

    With ``may_be_empty`` it needs no row.
    """
    path = regular(folder / f"{name}.csv")
    # A method may be called NA, or 1.
    texts = {column: "str" for column, kind in columns.items() if kind is str}
    try:
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a table: {error}".splitlines()[0]) from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join(columns)})")
    if table.empty and may_be_empty:
        return table
    for column, kind in columns.items():
        if kind is str:
            table[column] = table[column].str.removeprefix(_MARK)
        elif not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column!r} holds text: needed are numbers")
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table


def markdown_text(text: str) -> str:
    """The text as a cell of a table in Markdown, or in a terminal."""
    return _printable(text).replace("|", r"\|")


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _csv_text(value: object) -> object:
    return f"{_MARK}{value}" if isinstance(value, str) and value.startswith((*_FORMULA, _MARK)) else value


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
