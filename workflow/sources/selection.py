"""Which rows of a set of problems are taken, and what of them: columns, filters, templates, duplicates.

Everything that is left out is counted by its reason, for the log and for the provenance of the set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError, model_validator

import tasks
from eapo_verl.settings.base import Number, Seed, Settings, Text
from eapo_verl.settings.errors import one_line
from eapo_verl.settings.identity import LATER
from workflow.sources.command import SourceError
from workflow.sources.problems import Row, same_text, shortened

#: Why a row is not taken: `filters`; it has no text, or no answer that the task allows; its problem and answer are
#: those of a row before; another row has another answer to its problem (all of these are left out).
Reason = Literal["filtered", "unusable", "repeated", "contradicted"]


class Range(Settings):
    """Numbers from ``min`` to ``max``, both included; one of them may be left open."""

    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _some(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("needed is min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min}) is larger than max ({self.max})")
        return self

    def holds(self, value: Any) -> bool:
        """Whether a value is a number in it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Template(Settings):
    """What stands before and after each problem, word for word, and is no part of it."""

    before: str = ""
    after: str = ""

    def cut(self, text: str) -> str | None:
        """The text between the two; None where it does not begin or end so."""
        text, before, after = text.strip(), self.before.strip(), self.after.strip()
        if not (text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after)):
            return None
        return text.removeprefix(before).removesuffix(after).strip()


class HoldOut(Settings):
    """How many problems training does without: those that a digest of seed and text puts first, in whatever order."""

    size: int = Field(ge=1)
    seed: Seed = 0


class Selection(Settings):
    """What a set that is read from files may say of them; by default every row is taken as it is.

    Attributes:
        columns: where a problem's id, text and answer stand; dots lead into a column, ``extra_info.index`` or
            ``prompt.0.content``. What is not named is found by common names (:data:`workflow.sources.problems.NAMES`).
        filters: rows are taken whose column, named likewise, is one of these values or a number in this range.
        template: is cut off every problem; a row without it is refused.
        deduplicate: a problem that stands there several times is taken once; one with different answers not at all.
        unusable: whether a row that has no text or no answer that the task allows is an error, or left out.
        hold_out: problems of the training set that others are made of.
    """

    columns: Annotated[dict[Literal["id", "problem", "answer"], Text], LATER] = Field(default_factory=dict)
    filters: Annotated[dict[Text, Range | tuple[JsonValue, ...]], LATER] = Field(default_factory=dict)
    template: Annotated[Template, LATER] = Template()
    deduplicate: Annotated[bool, LATER] = False
    unusable: Annotated[Literal["refused", "left_out"], LATER] = "refused"
    hold_out: Annotated[HoldOut | None, LATER] = None


#: Every row, as it is.
WHOLE = Selection()


def select(rows: Iterable[Row], selection: Selection, task: str) -> tuple[list[Row], Counter[Reason]]:
    """The rows that are taken, with their problem under this name, and how many were not, by the reason.

    Raises SourceError: no such column, a row without the template or, where it is not to be left out, an unusable one,
    or nothing is left.
    """
    normalise = tasks.task(task).normalise
    counts: Counter[Reason] = Counter()
    taken: list[Row] = []
    # By what makes a problem the same: its place, and its answer in the task's normal form.
    seen: dict[str, tuple[int, str]] = {}
    contradicted: set[int] = set()
    for number, row in enumerate(rows):
        if not all(_allowed(_value(row, column), one) for column, one in selection.filters.items()):
            counts["filtered"] += 1
            continue
        named = found = _renamed(row, selection.columns)
        try:
            found = named.of(task)
            text, answer = found.text("problem"), normalise(found.text("answer"))
        except (SourceError, ValueError) as error:
            # A column that not even the first row has is a mistake, and no row's fault.
            if selection.unusable == "refused" or (number == 0 and not (found.has("problem") and found.has("answer"))):
                raise error if isinstance(error, SourceError) else SourceError(f"{row.where}: {error}") from error
            counts["unusable"] += 1
            continue
        # Of what the row itself has as its problem: behind that, a task may put what stands in other columns.
        own = named if named.has("problem") else found
        text = _cut(row.where, own.text("problem"), selection.template)
        found = replace(own, fields=own.fields | {"problem": text}).of(task)
        if selection.deduplicate:
            place, known = seen.setdefault(same_text(found.text("problem")), (len(taken), answer))
            if place < len(taken):
                counts["repeated" if known == answer else "contradicted"] += 1
                if known != answer:
                    contradicted.add(place)
                continue
        taken.append(found)
    counts["contradicted"] += len(contradicted)
    left = [row for place, row in enumerate(taken) if place not in contradicted]
    if not left:
        raise SourceError(f"no problem is left: {said(counts)}")
    return left, +counts


def read_selection(text: str) -> Selection:
    """A selection out of JSON. Raises SourceError."""
    try:
        return Selection.model_validate_json(text)
    except ValidationError as error:
        raise SourceError(one_line("--select", error)) from error


def said(counts: Mapping[Reason, int]) -> str:
    """The counts as a log has them."""
    return ", ".join(f"{number} {reason}" for reason, number in counts.items() if number) or "none is left out"


def _renamed(row: Row, columns: Mapping[Literal["id", "problem", "answer"], str]) -> Row:
    return replace(row, fields=row.fields | {name: _value(row, column) for name, column in columns.items()})


def _value(row: Row, column: str) -> Any:
    """What stands in a column, or within one. Raises SourceError: there is no such column."""
    if column.lower() in row.fields:
        return row.fields[column.lower()]
    first, *path = column.split(".")
    value: Any = row.fields.get(first.lower())
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = None
    if first.lower() not in row.fields:
        raise SourceError(f"{row.where}: no column {column!r}; found: {shortened(', '.join(row.fields)) or 'none'}")
    return value


def _allowed(value: Any, allowed: Range | tuple[JsonValue, ...]) -> bool:
    return allowed.holds(value) if isinstance(allowed, Range) else value in allowed


def _cut(where: str, text: str, template: Template) -> str:
    cut = template.cut(text)
    if not cut:
        raise SourceError(f"{where}: {shortened(text)!r} is not what stands between template.before and template.after")
    return cut
