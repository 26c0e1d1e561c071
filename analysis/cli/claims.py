"""What ``python -m analysis claims`` prints: what becomes of the paper's claims in one experiment or several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.intake.files import regular
from analysis.output import write_text
from analysis.tables.claims import claim_rows, read_claims
from analysis.tables.files import markdown_text

#: Between these lines of a page stands the table, and nothing else.
BEGIN, END = "<!-- claims: python -m analysis claims writes from here -->", "<!-- claims: to here -->"


def claims_text(folders: Sequence[Path]) -> str:
    """The table in Markdown.

    Args:
        folders: each with claims.csv; an experiment is called by its folder, or by that around it if that is "tables".

    Raises:
        InputError: a table is missing or not what it should be; two experiments have one name.
    """
    tables: dict[str, pd.DataFrame] = {}
    for folder in folders:
        place = folder.resolve()
        name = place.parent.name if place.name == "tables" else place.name
        if name in tables:
            raise InputError(f"{folder}: there are two experiments called {name!r}: needed are folders of other names")
        tables[name] = read_claims(folder)
    rows = [{column: markdown_text(text) for column, text in row.items()} for row in claim_rows(tables)]
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True) + "\n"


def write_page(page: Path, text: str) -> None:
    """Put the table into a page, in place of what stands between its two marks. Raises InputError if these do not."""
    try:
        old = regular(page).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{page}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"{page}: has no place for the table: needed are the lines {BEGIN!r} and {END!r}")
    write_text(page, f"{before}{BEGIN}\n\n{text}\n{END}{after}")
