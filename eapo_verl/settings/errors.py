"""What a user is told of settings that are not allowed: one line."""

import json

from pydantic import ValidationError


def one_line(source: str, error: Exception) -> str:
    """What a user needs to know of ``error``: where, key, what is wrong, value.

    Args:
        source: what was read, a file say.
        error: Pydantic's, of which the first fault is told, or any other.
    """
    if not isinstance(error, ValidationError):
        return " ".join(f"{source}: {error}".split())
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    value = (
        "" if first["type"] in ("missing", "value_error") else f" (got {json.dumps(first['input'], default=str)[:80]})"
    )
    return " ".join((f"{source}: {key}: {message}{value}" if key else f"{source}: {message}").split())
