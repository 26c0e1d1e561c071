"""Read JSON, whole files and lines, and say where and what is wrong."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from analysis import InputError


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the file with its place, ``path:line``; empty lines are passed over. Raises InputError.

    A file whose name ends in ``.gz`` is gunzipped.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", _parse(f"{path}:{number}", line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start} of a block)") from error


def read_json(path: Path) -> Any:
    """What a file holds that is one JSON value. Raises InputError: unreadable, or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {str(error)[:100]}") from error


def require(where: str, row: dict[str, Any], fields: dict[str, type]) -> None:
    """Raises InputError unless ``row`` has all ``fields`` with just these types."""
    for field, kind in fields.items():
        if field not in row:
            raise InputError(f"{where}: field {field!r} is missing (needed are {', '.join(fields)})")
        if type(row[field]) is not kind:
            raise InputError(
                f"{where}: {field} is {json.dumps(row[field])[:40]}, not {'text' if kind is str else 'an integer'}"
            )


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a float can hold: JSON has integers beyond every float, and Python's NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def utf8(text: str) -> str:
    """The text with a lone surrogate, legal in JSON and in no UTF-8 file, replaced."""
    return text.encode("utf-8", "replace").decode()


def _parse(where: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not JSON: {str(error)[:100]}") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: is a JSON {type(row).__name__}, not an object")
    return {key: utf8(value) if isinstance(value, str) else value for key, value in row.items()}
