"""What an experiment says of its arms: how they are called and drawn, and what they spend beside its budget.

JSON, an object with the methods that it says something of; each an object with any of ``title``, ``inline`` (the name
within a sentence), ``look`` (``colour``, ``#rrggbb``, and ``marker``, one of matplotlib's) and ``spends`` (a list of
words), null where it does not say. Nobody needs such a file: a method has a name and a look without it, too.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from analysis import InputError
from analysis.intake.json_lines import read_json

_KEYS = ("title", "inline", "look", "spends")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


class Described(NamedTuple):
    """What is said of one method; None and () where nothing is."""

    title: str | None = None
    inline: str | None = None
    look: tuple[str, str] | None = None
    spends: tuple[str, ...] = ()


def read_arms(path: Path) -> dict[str, Described]:
    """What is said, by method. Raises InputError: unreadable, or not as described above."""
    arms = read_json(path)
    if not isinstance(arms, dict):
        raise InputError(f"{path}: needed is an object with a method each")
    return {method: _described(f"{path}: {method}", said) for method, said in arms.items()}


def _described(where: str, said: Any) -> Described:
    if not isinstance(said, dict) or not said.keys() <= {*_KEYS}:
        raise InputError(f"{where}: needed is an object with some of {', '.join(_KEYS)}")
    for key in ("title", "inline"):
        if not (said.get(key) is None or isinstance(said[key], str)):
            raise InputError(f"{where}: {key} is {json.dumps(said[key])[:40]}: needed is text or null")
    spends = said.get("spends") or []
    if not isinstance(spends, list) or not all(isinstance(one, str) for one in spends):
        raise InputError(f"{where}: spends is {json.dumps(spends)[:40]}: needed is a list of words or null")
    return Described(said.get("title"), said.get("inline"), _look(where, said.get("look")), tuple(spends))


def _look(where: str, look: Any) -> tuple[str, str] | None:
    if look is None:
        return None
    if isinstance(look, dict):
        colour, marker = look.get("colour"), look.get("marker")
        if isinstance(colour, str) and _COLOUR.fullmatch(colour) and isinstance(marker, str) and len(marker) == 1:
            return colour, marker
    raise InputError(
        f"{where}: look is {json.dumps(look)[:60]}: needed are colour, as #d55e00, and marker, one of matplotlib's"
    )
