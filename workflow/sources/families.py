"""What an experiment says of families of generated problems: a mapping of their names to the options of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator, ValidationError

from eapo_verl.settings.base import Settings
from eapo_verl.settings.errors import one_line


def reader(known: Mapping[str, type[Settings]], what: str) -> BeforeValidator:
    """Reads such a mapping, of at least one family; no options are a family's own defaults.

    Args:
        known: the families, by name.
        what: they are families of, in the complaint of a ValueError.
    """

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or not value:
            example = next(iter(known))
            raise ValueError(f"needed is a mapping such as {{{example}: {{}}}}, of families ({', '.join(known)})")
        for name in value:
            if name not in known:
                raise ValueError(f"{name!r} is no family of {what}; allowed are {', '.join(known)}")
        return {name: family(name, one) for name, one in value.items()}

    def family(name: str, options: Any) -> Settings:
        if isinstance(options, known[name]):
            return options
        try:
            return known[name].model_validate({} if options is None else options)
        except ValidationError as error:
            raise ValueError(one_line(name, error)) from error

    return BeforeValidator(read)
