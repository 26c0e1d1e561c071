"""Rows of other people's files, whatever holds them: JSON lines, arrays and objects, CSV, parquet, logs of inspect.

A file may hold the rows of several benchmarks, each under its name; None is the name where the file does not say it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from analysis import InputError
from analysis.intake.files import LONGEST, cells_of, lines, opened
from analysis.intake.inspect_log import archived, is_log, logged
from analysis.intake.json_lines import as_object, parsed, read_json, read_json_lines
from analysis.intake.parquet import parquet_rows

Rows = Iterator[tuple[str, dict[str, Any]]]
#: What a file of rows may end in, ``.gz`` behind it or not where it is text.
ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".eval")


def ending_of(path: Path) -> str:
    """What says how a file is to be read: its last ending, or the one before ``.gz``."""
    return _without_gz(path).suffix.lower()


def stem_of(path: Path) -> str:
    """The file's name without that ending."""
    return _without_gz(path).stem


def read_rows(path: Path) -> dict[str | None, Rows]:
    """The rows of a file by benchmark, each with its place in the file; they are read as they are asked for.

    Raises:
        InputError: now or then: another ending than :data:`ENDINGS`, unreadable, not what its ending says.
    """
    ending = ending_of(path)
    if ending == ".parquet":
        return {None: parquet_rows(path)}
    if ending == ".eval":
        return archived(path)
    if ending in (".csv", ".tsv"):
        return {None: _csv_rows(path, "\t" if ending == ".tsv" else ",")}
    if ending in ENDINGS:
        return _json(path)
    raise InputError(f"{path}: ends in none of {', '.join(ENDINGS)}")


def _without_gz(path: Path) -> Path:
    return Path(path.stem) if path.suffix.lower() == ".gz" else path


def _csv_rows(path: Path, delimiter: str) -> Rows:
    with opened(path) as file:
        reader = csv.DictReader((line for _, line in lines(path, file)), delimiter=delimiter, strict=True)
        try:
            names = list(reader.fieldnames or ())
            if len({*names}) < len(names):
                raise InputError(f"{path}: two columns have the same name (found are {', '.join(names)[:200]})")
            while True:
                # A response is longer than what the module takes for a mistake. Row by row: others read CSV meanwhile.
                with cells_of(LONGEST):
                    row = next(reader, None)
                if row is None:
                    return
                where = f"{path}:{reader.line_num}"
                # Surplus cells stand under None, and None in missing ones: cells may be in wrong columns.
                if None in row or None in row.values():
                    raise InputError(f"{where}: not as many cells as columns; a text with a {delimiter!r} needs quotes")
                yield where, {column.strip(): cell for column, cell in row.items()}
        except csv.Error as error:
            raise InputError(f"{path}:{reader.line_num}: is not CSV: {error}") from error


def _json(path: Path) -> dict[str | None, Rows]:
    """A file of JSON lines, or of one JSON value, whichever its ending says: others have written both into both."""
    with opened(path) as file:
        filled = (line for _, line in lines(path, file) if line.strip())
        line = next(filled, "[]")
        try:
            first = parsed(str(path), line)
        except InputError:
            # A value that goes over several lines, or none at all.
            return _document(path, read_json(path))
        if next(filled, None) is None:
            return _document(path, first)
    return {None: read_json_lines(path)}


def _document(path: Path, value: Any) -> dict[str | None, Rows]:
    """The rows of one JSON value."""
    if isinstance(value, dict):
        if is_log(value):
            return logged(path, value)
        if isinstance(value.get("results"), dict):
            return _evalchemy(path, value["results"])
        if value and all(isinstance(one, dict) and "prediction" in one for one in value.values()):
            # OpenCompass, by the number of the question.
            return {None: _numbered(path, ({"idx": number} | one for number, one in value.items()))}
        return {None: iter([(f"{path}:1", as_object(f"{path}:1", value))])}
    if not isinstance(value, list):
        raise InputError(f"{path}: is a JSON {type(value).__name__}: needed are objects")
    return {None: _numbered(path, value)}


def _evalchemy(path: Path, results: dict[str, Any]) -> dict[str | None, Rows]:
    """The examples of each benchmark, which evalchemy keeps among its results."""
    found: dict[str | None, Rows] = {
        benchmark: _numbered(path, its["examples"])
        for benchmark, its in results.items()
        if isinstance(its, dict) and isinstance(its.get("examples"), list)
    }
    if not found:
        raise InputError(f"{path}: holds results and no samples (lm-eval writes these with --log_samples)")
    return found


def _numbered(path: Path, values: Iterable[Any]) -> Rows:
    for number, value in enumerate(values, start=1):
        yield f"{path}: row {number}", as_object(f"{path}: row {number}", value)
