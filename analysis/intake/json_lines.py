"""Read JSON, whole files and lines, and say where and what is wrong."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from analysis import InputError
from analysis.intake.files import lines, opened, whole_text

# Half of a character, or a whole one, as JSON escapes it.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the file with its place, ``path:line``; empty lines are passed over. Raises InputError.

    A file whose name ends in ``.gz`` is gunzipped.
    """
    with opened(path) as file:
        for where, line in lines(path, file):
            if line.strip():
                yield where, as_object(where, parsed(where, line))


def read_json(path: Path) -> Any:
    """What a file holds that is one JSON value. Raises InputError: unreadable, or not JSON."""
    with opened(path) as file:
        return parsed(str(path), whole_text(path, file))


def parsed(where: str, text: str) -> Any:
    """The value that ``text`` is, its texts such as UTF-8 can hold. Raises InputError: it is no JSON, or too deep."""
    try:
        value = json.loads(text)
        return _encodable(value) if _HALF.search(text) else value
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not JSON: {str(error)[:100]}") from error


def _encodable(value: Any) -> Any:
    """The value with a lone surrogate, legal in JSON and in no UTF-8 file, replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    return value


def as_object(where: str, row: Any) -> dict[str, Any]:
    """``row`` itself. Raises InputError: it is no JSON object."""
    if not isinstance(row, dict):
        raise InputError(f"{where}: is a JSON {type(row).__name__}, not an object")
    return row


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
