"""Syllogisms: whether a statement about two of three kinds of beings follows from two statements about them.

The answer is yes or no (:mod:`tasks.short_text`), and what is looked at are all worlds: of eight regions, which are in
each of the three kinds or not, some are inhabited. A statement follows if it holds in every world in which the others
do. Left out is what depends on whether a kind without members is allowed, of which the text says nothing: "All dogs are
mortals, all mortals are parents; are some dogs parents?"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from workflow.sources.gym import entries
from workflow.sources.logic.puzzle import Family, Puzzle

_STATEMENT = re.compile(r"(All|No|Some) (\w+) are (not )?(\w+)")
_REGIONS = range(8)
_WORLDS = range(2**8)


class Syllogism(Family):
    """Two premises and a conclusion, of all kinds that reasoning-gym has."""

    task = "short_text"

    def puzzles(self, seed: int, size: int) -> Iterator[Puzzle | str]:
        """One of each item."""
        return map(_puzzle, entries("syllogism", seed, size))


def _puzzle(entry: dict[str, Any]) -> Puzzle | str:
    about = entry["metadata"]
    read = [_read(about[key]) for key in ("premise1", "premise2", "conclusion")]
    terms = sorted({term for _, *pair in read for term in pair})
    first, second, conclusion = (_worlds(kind, terms.index(a), terms.index(b)) for kind, a, b in read)
    counterexamples = first & second - conclusion
    if bool(counterexamples) != bool(counterexamples & _peopled()):
        return "depends on empty kinds"
    answer = "No" if counterexamples else "Yes"
    return Puzzle(
        problem=entry["question"],
        answer=answer,
        content=entry["question"],
        label=answer,
        labels=("Yes", "No"),
        # What the conclusion says is seen at a glance, and that all are something is hardly ever true.
        group=read[-1][0],
        relabelled=answer != entry["answer"],
    )


def _read(statement: str) -> tuple[str, str, str]:
    """Its kind and its two terms."""
    found = _STATEMENT.fullmatch(statement)
    if found is None:
        raise ValueError(f"reasoning-gym has a new kind of statement: {statement!r}")
    return f"{found[1]}{' not' if found[3] else ''}", found[2], found[4]


@cache
def _worlds(kind: str, a: int, b: int) -> frozenset[int]:
    """The worlds in which some a are b, say: of each the bits are its inhabited regions; a term is a bit of these."""
    holds: dict[str, Callable[[Sequence[int], Sequence[int]], bool]] = {
        "All": lambda within, beside: not beside,
        "No": lambda within, beside: not within,
        "Some": lambda within, beside: bool(within),
        "Some not": lambda within, beside: bool(beside),
    }
    found = []
    for world in _WORLDS:
        of_a = [region for region in _REGIONS if world >> region & 1 and region >> a & 1]
        within = [region for region in of_a if region >> b & 1]
        beside = [region for region in of_a if not region >> b & 1]
        if holds[kind](within, beside):
            found.append(world)
    return frozenset(found)


@cache
def _peopled() -> frozenset[int]:
    """The worlds in which each of the three kinds has a member."""
    return frozenset.intersection(*(_worlds("Some", term, term) for term in range(3)))
