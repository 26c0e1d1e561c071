"""Training methods: what ships in ``eapo_verl/presets`` and ``baselines``, and an experiment's own variants of it."""

import functools
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError

from eapo_verl.settings.base import Name, Settings
from eapo_verl.settings.method import Consultation, Internalization, Reward

ROOT = Path(__file__).resolve().parent.parent
METHOD_FOLDERS = (ROOT / "eapo_verl" / "methods", ROOT / "baselines")
_PARTS = {"consultation": Consultation, "reward": Reward, "internalization": Internalization}


class ExperimentError(Exception):
    """What is wrong with an experiment, in one line."""


class Parts(NamedTuple):
    """What the settings of a run say of its method."""

    consultation: Consultation
    reward: Reward
    internalization: Internalization


class Changes(Settings):
    """Keys of an experiment's consultation, reward and internalization, and of verl's configuration, to be replaced."""

    consultation: dict[str, Any] = Field(default_factory=dict)
    reward: dict[str, Any] = Field(default_factory=dict)
    internalization: dict[str, Any] = Field(default_factory=dict)
    verl: dict[str, Any] = Field(default_factory=dict)


class Method(Changes):
    """A training method, from ``baselines/<name>/method.yaml`` or ``eapo_verl/presets/<name>.yaml``."""

    kind: Literal["rl"]
    differences: str

    def parts(self, name: str, experiment: dict[str, dict[str, Any]]) -> Parts:
        """The experiment's parts with this method's changes.

        Raises:
            ValueError: a change is not allowed; the message names method and key.
        """
        made = {}
        for part, schema in _PARTS.items():
            try:
                made[part] = schema(**merged(experiment[part], getattr(self, part)))
            except ValidationError as error:
                raise ValueError(one_line(f"method {name}: {part}", error)) from error
        return Parts(**made)


class Variant(Changes):
    """A method of an experiment's own: a shipped one, ``of``, with changes; an ablation, say."""

    of: Name

    def applied_to(self, method: Method) -> Method:
        """``method`` with these changes on top of its own."""
        changes = self.model_dump(exclude={"of"})
        return Method(**merged(method.model_dump(), changes))


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, key by key at every depth."""
    result = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


@functools.cache
def methods() -> dict[str, Method]:
    """Every method that ships or was added, by name; the files are read once a process.

    Raises:
        ExperimentError: a method's file is malformed.
    """
    files = {path.stem: path for path in sorted(METHOD_FOLDERS[0].glob("*.yaml"))}
    files |= {path.parent.name: path for path in sorted(METHOD_FOLDERS[1].glob("*/method.yaml"))}
    found = {}
    for name, path in files.items():
        try:
            found[name] = Method(**yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, TypeError, yaml.YAMLError) as error:
            raise ExperimentError(one_line(str(path.relative_to(ROOT)), error)) from error
    return found


def one_line(source: str, error: Exception) -> str:
    """What a user needs to know of ``error``: where, key, what is wrong, value."""
    if not isinstance(error, ValidationError):
        return f"{source}: {error}".replace("\n", " ")
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    value = (
        "" if first["type"] in ("missing", "value_error") else f" (got {json.dumps(first['input'], default=str)[:80]})"
    )
    return f"{source}: {key}: {message}{value}" if key else f"{source}: {message}"
