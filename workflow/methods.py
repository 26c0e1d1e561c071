"""Methods: what ships or was added in ``baselines/``, and an experiment's own variants of it."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError, model_validator

from baselines.arm import Arm, Spending
from baselines.kinds import kinds
from eapo_verl.settings.base import Name, Settings, Text
from eapo_verl.settings.errors import one_line
from workflow.documents import read_document

METHODS = Path(__file__).resolve().parent.parent / "baselines"


class ExperimentError(Exception):
    """What is wrong with an experiment, in one line."""


#: What an arm is called, in tables and figures: one line, which a legend has room for.
_Label = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True, pattern=r"^.*$")]


class Look(Settings):
    """How an arm is drawn in every figure: a colour, and a marker of matplotlib's."""

    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
    marker: Literal["o", "s", "D", "d", "^", "v", "<", ">", "P", "X", "*", "p", "h"]


class Changes(Settings):
    """Keys beside the declared ones replace an experiment's, at any depth.

    Attributes:
        title: what the arm is called in tables and figures.
        inline: and within a sentence, where that is not the title.
        look: how it is drawn; None: as no other arm of the experiment is.
        spends: what it spends beside the experiment's budget (:mod:`workflow.fairness`).
    """

    model_config = ConfigDict(extra="allow")

    title: _Label | None = None
    inline: _Label | None = None
    look: Look | None = None
    spends: tuple[Spending, ...] | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """What is replaced, by top-level key."""
        return dict(self.model_extra or {})


class Method(Changes):
    """An arm as its ``method.yaml`` has it: its kind, in words what differs, and the keys that it replaces.

    As ``policy`` or ``teacher``, ``{expert: n}`` stands for the model that the experiment's n-th expert is served from,
    counted from 1.
    """

    kind: str
    differences: Text

    @model_validator(mode="after")
    def _known_and_declared(self) -> "Method":
        if self.kind not in kinds():
            raise ValueError(f"kind: {self.kind!r} is unknown; allowed are {', '.join(sorted(kinds()))}")
        _require_known(self.changes, self.kind)
        for key in _shared(self.changes):
            if f"`{key}`" not in self.differences:
                raise ValueError(f"{key}: arms share it, so differences has to name it, as `{key}`")
        return self

    def arm(self, name: str, experiment: dict[str, Any]) -> Arm:
        """The arm: of the experiment's values those that its kind has, with this method's changes.

        Args:
            name: the method's.
            experiment: its values by key; experts are their names, and ``served`` the models that they are served from,
                None for one that is elsewhere.

        Raises:
            ValueError: a change is not allowed; the message names method and key.
        """
        schema = kinds()[self.kind]
        shared = {key: value for key, value in experiment.items() if key in schema.model_fields}
        changes = self.changes
        for key in ("policy", "teacher"):
            if isinstance(model := changes.get(key), dict) and model.keys() == {"expert"}:
                changes[key] = _served(f"method {name}: {key}", model["expert"], experiment["served"])
        try:
            return schema(**merged(shared, changes))
        except ValidationError as error:
            raise ValueError(one_line(f"method {name}", error)) from error

    def changed(self, changes: dict[str, Any]) -> "Method":
        """This method with ``changes`` on top of its own, which it declares by naming the keys.

        Raises:
            ValueError: a key is none of its kind.
        """
        _require_known(changes, self.kind)
        return Method(
            kind=self.kind,
            differences=" ".join([self.differences, *(f"`{key}`" for key in _shared(changes))]),
            title=self.title,
            inline=self.inline,
            look=self.look,
            spends=self.spends,
            **merged(self.changes, changes),
        )


class Variant(Changes):
    """A method of an experiment's own: one that ships, ``of``, with changes; an ablation, say."""

    of: Name

    def applied_to(self, method: Method, name: str) -> Method:
        """``method`` with these changes on top of its own.

        ``name`` is the variant's: ``eapo_x`` is called after ``eapo`` where it has no title of its own.

        Raises:
            ValueError: a key is none of the method's kind.
        """
        changed = method.changed(self.changes)
        title = self.title
        if title is None and method.title is not None and name.startswith(f"{self.of}_"):
            title = f"{method.title} {name.removeprefix(f'{self.of}_').replace('_', ' ')}"
        spends = method.spends if self.spends is None else self.spends
        own = {"title": title, "inline": self.inline, "look": self.look, "spends": spends}
        return changed.model_copy(update=own)


def _served(where: str, number: Any, served: list[str | None]) -> str:
    """The model of the n-th expert. Raises ValueError: there is none, or it is not served here."""
    model = served[number - 1] if type(number) is int and 1 <= number <= len(served) else None
    if model is None:
        raise ValueError(
            f"{where}: expert {number!r} is not one of the experiment's {len(served)} experts, or not one that it "
            "serves (serve)"
        )
    return model


def _require_known(changes: dict[str, Any], kind: str) -> None:
    allowed = kinds()[kind].model_fields
    for key in changes:
        if key not in allowed:
            raise ValueError(f"{key}: no key of a method of kind {kind}, which has {', '.join(allowed)}")


def _shared(changes: dict[str, Any]) -> list[str]:
    """Those of the changed keys that all arms of an experiment share unless an arm declares otherwise."""
    training = changes.get("training")
    parts = [f"training.{key}" for key in training] if isinstance(training, dict) else []
    shared = ("policy", "system_prompt", "chat_template_kwargs", "experts", "start_from", "match")
    return [key for key in shared if key in changes] + parts


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, key by key at every depth."""
    result = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that is no mapping itself, with its dotted key."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@functools.cache
def methods() -> dict[str, Method]:
    """Every method that ships or was added, by the name of its folder; the files are read once a process.

    Raises:
        ExperimentError: a method's file is malformed.
    """
    found = {}
    for path in sorted(METHODS.glob("*/method.yaml")):
        try:
            found[_name(path.parent)] = Method.model_validate(_read(path))
        except (OSError, ValueError) as error:
            raise ExperimentError(one_line(f"baselines/{path.parent.name}/{path.name}", error)) from error
    return found


def _name(folder: Path) -> str:
    try:
        return TypeAdapter(Name).validate_python(folder.name)
    except ValidationError as error:
        raise ValueError("a method is called as its folder: small letters, digits and _, a letter first") from error


def _read(path: Path) -> dict[str, Any]:
    content = read_document(path)
    if not isinstance(content, dict):
        raise ValueError(f"it has to be a mapping, of which kind and differences are keys, not {content!r:.40}")
    return content
