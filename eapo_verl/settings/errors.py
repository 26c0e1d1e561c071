"""What a user is told of settings that are not allowed: one line, without what looks like a secret."""

import json

from pydantic import ValidationError

from eapo_verl.settings.redaction import REMOVED, names_secret, redacted


def one_line(source: str, error: Exception) -> str:
    """What a user needs to know of ``error``: where, key, what is wrong, value.

    Args:
        source: what was read, a file say.
        error: Pydantic's, of which the first fault is told, or any other.
    """
    if not isinstance(error, ValidationError):
        return " ".join(f"{source}: {redacted(str(error))}".split())
    first = error.errors()[0]
    names = [str(part) for part in first["loc"]]
    key = redacted(".".join(names))
    message = redacted(first["msg"].removeprefix("Value error, "))
    value = ""
    if first["type"] not in ("missing", "value_error"):
        shown = REMOVED if any(map(names_secret, names)) else redacted(json.dumps(first["input"], default=str))
        value = f" (got {shown[:80]})"
    return " ".join((f"{source}: {key}: {message}{value}" if key else f"{source}: {message}").split())
