"""The keys of expert endpoints. Light on purpose: whoever validates an experiment can check them in no time."""

import os
import re
from collections.abc import Mapping
from typing import Protocol

from eapo_verl.settings.redaction import redacted

# How a variable is called by custom. A key that stands in a name's place by mistake is seldom like it.
_CUSTOMARY = re.compile(r"[A-Z][A-Z0-9_]*")


class Keyed(Protocol):
    """What names an expert and the environment variables of its keys."""

    @property
    def name(self) -> str:
        """The expert's name."""
        ...

    @property
    def api_key_env(self) -> str | None:
        """The variable's name; None where the endpoint wants no key."""
        ...

    @property
    def headers_env(self) -> Mapping[str, str]:
        """Names of variables that hold further headers, by the header."""
        ...


def read_api_key(expert: Keyed) -> str:
    """The expert's key from the environment; servers without authentication take any non-empty string.

    Raises:
        ValueError: the variable is not set, or holds what no HTTP header can carry. The key is never in the message.
    """
    if expert.api_key_env is None:
        return "none"
    return _read(expert, expert.api_key_env, "api_key_env")


def read_headers(expert: Keyed) -> dict[str, str]:
    """The headers with the expert's keys: Authorization, and those of ``headers_env``.

    Raises:
        ValueError: as :func:`read_api_key`, of any of the variables.
    """
    headers = {name: _read(expert, variable, f"headers_env.{name}") for name, variable in expert.headers_env.items()}
    # Where a header of its own is the key, a placeholder beside it would be a wrong one.
    if expert.api_key_env is not None or not headers:
        headers["Authorization"] = f"Bearer {read_api_key(expert)}"
    return headers


def secrets_of(expert: Keyed) -> list[str]:
    """All keys of the expert, to be taken out of what others say.

    Raises:
        ValueError: as :func:`read_headers`.
    """
    keys = [] if expert.api_key_env is None else [read_api_key(expert)]
    return keys + [_read(expert, variable, name) for name, variable in expert.headers_env.items()]


def _read(expert: Keyed, variable: str, setting: str) -> str:
    # A key that was read from a file often ends in a line break.
    key = os.environ.get(variable, "").strip()
    shown = f" {redacted(variable)}" if _CUSTOMARY.fullmatch(variable) else ""
    where = f"expert {expert.name}: environment variable{shown} ({setting})"
    if not key:
        raise ValueError(f"{where} is not set")
    if not key.isascii() or not key.isprintable():
        raise ValueError(f"{where} holds more than printable ASCII characters")
    return key
