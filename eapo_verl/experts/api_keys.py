"""The keys of expert endpoints. Light on purpose: whoever validates an experiment can check them in no time."""

import os
from typing import Protocol


class Keyed(Protocol):
    """What names an expert and the environment variable of its key."""

    @property
    def name(self) -> str:
        """The expert's name."""
        ...

    @property
    def api_key_env(self) -> str | None:
        """The variable's name; None where the endpoint wants no key."""
        ...


def read_api_key(expert: Keyed) -> str:
    """The expert's key from the environment; servers without authentication take any non-empty string.

    Raises:
        ValueError: the variable is not set, or holds what no HTTP header can carry. The key is never in the message.
    """
    if expert.api_key_env is None:
        return "none"
    # A key that was read from a file often ends in a line break.
    key = os.environ.get(expert.api_key_env, "").strip()
    variable = f"expert {expert.name}: environment variable {expert.api_key_env} (api_key_env)"
    if not key:
        raise ValueError(f"{variable} is not set")
    if not key.isascii() or not key.isprintable():
        raise ValueError(f"{variable} holds more than printable ASCII characters")
    return key
