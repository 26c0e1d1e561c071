"""Knights and knaves: who tells the truth, and who lies, by what each of them says.

The answer is what everybody is (:mod:`tasks.roles`). All assignments are tried; kept is a puzzle that one of them fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product
from typing import Any

from pydantic import Field, model_validator

from workflow.sources.gym import entries
from workflow.sources.logic.puzzle import Family, Puzzle

_SYMMETRIC = ("and", "or", "<=>")


class KnightsKnaves(Family):
    """``people`` persons, whose statements have at most ``depth`` levels and ``width`` parts joined by "and" or "or".

    Of two persons there are no more than a hundred puzzles or so.
    """

    task = "roles"

    people: int = Field(3, ge=2, le=5)
    depth: int = Field(2, ge=2, le=4)
    width: int = Field(2, ge=2, le=4)

    @model_validator(mode="after")
    def _so_many_statements(self) -> KnightsKnaves:
        # reasoning-gym looks for different ones until it has as many.
        if self.width >= 2 * self.people:
            raise ValueError(f"width: {self.width} different statements cannot be made of {self.people} people")
        return self

    def puzzles(self, seed: int, size: int) -> Iterator[Puzzle | str]:
        """One of each item."""
        limits = {"n_people": self.people, "depth_constraint": self.depth, "width_constraint": self.width}
        for entry in entries("knights_knaves", seed, size, **limits):
            yield _puzzle(entry)


def _puzzle(entry: dict[str, Any]) -> Puzzle | str:
    about = entry["metadata"]
    statements, terms = about["statements"], about["knight_knave_terms"]
    everyone = range(len(statements))
    assignments = list(product((True, False), repeat=len(statements)))
    fitting = [one for one in assignments if all(one[i] == _holds(statements[i], one) for i in everyone)]
    if len(fitting) != 1:
        return "no single answer"
    (truthful,) = fitting
    roles = [terms["knight"] if honest else terms["knave"] for honest in truthful]
    # How an answer is to be written, the task says.
    text = entry["question"].partition(" (Format your answer like:")[0]
    return Puzzle(
        problem=text,
        answer=", ".join(f"{name} is {role}" for name, role in zip(about["names"], roles, strict=True)),
        content=min(_renamed(statements, order) for order in permutations(everyone)),
        label=_pattern(truthful),
        labels=tuple(map(_pattern, assignments)),
        relabelled=tuple(about["solution"]) != truthful,
    )


def _pattern(truthful: Sequence[bool]) -> str:
    return ", ".join("honest" if one else "liar" for one in truthful)


def _holds(statement: Any, truthful: Sequence[bool]) -> bool:
    kind, *parts = statement
    if kind in ("telling-truth", "lying"):
        return truthful[parts[0]] == (kind == "telling-truth")
    values = [_holds(part, truthful) for part in parts]
    if kind == "not":
        return not values[0]
    if kind == "->":
        return not values[0] or values[1]
    if kind == "<=>":
        return values[0] == values[1]
    return {"and": all, "or": any}[kind](values)


def _renamed(statements: Sequence[Any], order: Sequence[int]) -> str:
    """The statements with person i as person ``order[i]``, and in one order what may stand in any."""

    def renamed(statement: Any) -> Any:
        kind, *parts = statement
        if kind in ("telling-truth", "lying"):
            return (kind, order[parts[0]])
        inner = [renamed(part) for part in parts]
        return (kind, *(sorted(inner, key=repr) if kind in _SYMMETRIC else inner))

    return repr([renamed(statement) for _, statement in sorted(zip(order, statements, strict=True))])
