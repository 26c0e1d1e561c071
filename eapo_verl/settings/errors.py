"""What a user is told of settings that are not allowed: one line, whatever stands in them, without what looks like a
secret."""

import json
import reprlib
from typing import Any

from pydantic import ValidationError

from eapo_verl.settings.redaction import REMOVED, names_secret, redacted

#: Characters of a line that are shown from its beginning, and as many from its end; of a key; of a value.
_SHOWN, _KEY, _VALUE = 500, 100, 80


def one_line(source: str, error: Exception) -> str:
    """What a user needs to know of ``error``: where, key, what is wrong, value; long parts cut, all of it printable.

    Args:
        source: what was read, a file say.
        error: Pydantic's, of which the first fault is told, or any other.
    """
    if not isinstance(error, ValidationError):
        return _printable(f"{source}: {redacted(str(error))}")
    first = error.errors()[0]
    names = [str(part) for part in first["loc"]]
    key = redacted(".".join(_cut(name, _KEY) for name in names))
    where = f"{source}: {key}" if key else source
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ValidationError):
        return one_line(where, cause)
    message = redacted(first["msg"].removeprefix("Value error, "))
    value = ""
    if first["type"] not in ("missing", "value_error"):
        value = f" (got {REMOVED if any(map(names_secret, names)) else _shown(first['input'])})"
    return _printable(f"{where}: {message}{value}")


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):
        # It holds itself, say.
        text = reprlib.repr(value)
    return redacted(text)[:_VALUE]


def _printable(text: str) -> str:
    line = _cut(" ".join(text.split()), 2 * _SHOWN)
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)


def _cut(text: str, most: int) -> str:
    """``text``, or its beginning and its end, where an error says what is allowed."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) :]}"
