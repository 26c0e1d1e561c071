"""Propositional logic: which of four statements follows from some others.

reasoning-gym asks for any conclusion, which a copied premise is already. Its premises are taken, and what is asked is
made of them: a multiple choice (:mod:`tasks.choice`) among statements of two variables and one connective, the same in
all four. By truth table one of them follows, and the others do not; the one that does follows from no premise by
itself. Premises that contradict each other are left out.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations, product
from random import Random
from typing import Any

from pydantic import Field

from workflow.sources.gym import entries
from workflow.sources.logic.puzzle import Family, Puzzle

_ASKED = (
    "In these statements ∧ means and, ∨ means or (or both), → means if … then, ↔ means if and only if, and ¬ means "
    "not:\n{premises}\n\nAll of them are true. Which of the following has to be true, too?\n\n{options}"
)
_LETTERS = "ABCD"
# A statement's truth table is a number: bit i is its value in row i, and ``every`` has all bits set.
_CONNECTIVES: dict[str, Callable[[int, int, int], int]] = {
    "∧": lambda a, b, every: a & b,
    "∨": lambda a, b, every: a | b,
    "→": lambda a, b, every: (every ^ a) | b,
    "↔": lambda a, b, every: every ^ a ^ b,
}


class PropositionalLogic(Family):
    """At most so many variables and statements, of at most so many levels; reasoning-gym's own limits, if not said."""

    task = "choice"

    max_variables: int = Field(4, ge=2, le=6)
    max_statements: int = Field(4, ge=2, le=6)
    max_complexity: int = Field(3, ge=2, le=4)

    def puzzles(self, seed: int, size: int) -> Iterator[Puzzle | str]:
        """One of each item."""
        limits = {
            "max_vars": self.max_variables,
            "max_statements": self.max_statements,
            "max_complexity": self.max_complexity,
        }
        for number, entry in enumerate(entries("propositional_logic", seed, size, **limits)):
            yield _puzzle(entry["metadata"], Random(f"options {seed} {number}"))


def _puzzle(about: dict[str, Any], rng: Random) -> Puzzle | str:
    variables, premises = about["variables"], list(dict.fromkeys(about["premises"]))
    given = [_truth_table(premise, variables) for premise in premises]
    possible = functools.reduce(operator.and_, given, _every(variables))
    if not possible:
        return "contradictory premises"
    options = _options(variables, given, possible, rng)
    if options is None:
        return "no conclusion from several premises"
    right = rng.randrange(len(_LETTERS))
    options.insert(right, options.pop(0))
    return Puzzle(
        problem=_ASKED.format(
            premises="\n".join(f"{number}. {premise}" for number, premise in enumerate(premises, 1)),
            options="\n".join(f"{letter}) {option}" for letter, option in zip(_LETTERS, options, strict=True)),
        ),
        answer=_LETTERS[right],
        content=min(_renamed(premises, names) for names in permutations(variables)),
        label=_LETTERS[right],
        labels=tuple(_LETTERS),
    )


def _renamed(premises: Sequence[str], names: Sequence[str]) -> str:
    """The premises with their variables called ``names``, by what comes first in the alphabet, and in one order."""
    used = sorted({sign for premise in premises for sign in premise if sign.isalpha()})
    renamed = "\n".join(premises).translate({ord(old): new for old, new in zip(used, names, strict=False)})
    return "\n".join(sorted(renamed.split("\n")))


def _every(variables: Sequence[str]) -> int:
    return 2**2 ** len(variables) - 1


def _truth_table(premise: str, variables: Sequence[str]) -> int:
    from reasoning_gym.logic.propositional_logic import Expression

    statement = Expression.from_string(premise)
    rows = product((False, True), repeat=len(variables))
    return sum(statement.evaluate(dict(zip(variables, row, strict=True))) << i for i, row in enumerate(rows))


def _options(variables: Sequence[str], given: Sequence[int], possible: int, rng: Random) -> list[str] | None:
    """Four statements, of which the first follows; None where there are none."""
    every = _every(variables)
    literals = [(name, name, _truth_table(name, variables)) for name in variables]
    literals += [(name, f"¬{text}", every ^ table) for name, text, table in literals]
    for sign in rng.sample(sorted(_CONNECTIVES), len(_CONNECTIVES)):
        # By truth table: of statements that say the same, one.
        follows: dict[int, str] = {}
        others: dict[int, str] = {}
        for (name, left, a), (other, right, b) in permutations(literals, 2):
            if name == other or (name > other and sign != "→"):
                continue
            table = _CONNECTIVES[sign](a, b, every)
            if possible & ~table:
                others.setdefault(table, f"({left} {sign} {right})")
            elif all(premise & ~table for premise in given):
                follows.setdefault(table, f"({left} {sign} {right})")
        if follows and len(others) >= len(_LETTERS) - 1:
            return [rng.choice(list(follows.values())), *rng.sample(list(others.values()), len(_LETTERS) - 1)]
    return None
