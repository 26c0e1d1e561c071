"""Zebra puzzles: who lives in the first of several houses, by clues about all of their inhabitants.

The answer is a name (:mod:`tasks.short_text`); the SAT solver that reasoning-gym makes its puzzles with has to find one
solution of the clues, and no second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from pydantic import Field

from workflow.sources.gym import first_seed
from workflow.sources.logic.puzzle import Family, Puzzle


class ZebraPuzzles(Family):
    """``people`` persons, a house each, with as many ``characteristics``, of which the first is the name."""

    task = "short_text"

    people: int = Field(4, ge=2, le=7)
    characteristics: int = Field(4, ge=2, le=7)

    def puzzles(self, seed: int, size: int) -> Iterator[Puzzle | str]:
        """One of each item."""
        # Late, as reasoning-gym itself. Its data set does not hand its clues on, which this does that it is made by.
        from reasoning_gym.logic.contrib.logic_puzzle.generate import generate_puzzle
        from reasoning_gym.logic.contrib.logic_puzzle.literals import Name
        from reasoning_gym.logic.contrib.logic_puzzle.sat_utils import itersolve

        for number in range(size):
            made, puzzle = generate_puzzle(Random(first_seed(seed) + number), self.people, self.characteristics)
            solutions = list(islice(itersolve(puzzle.as_cnf()), 2))
            if len(solutions) != 1:
                yield "no single answer"
                continue
            names = [one.name for one in puzzle.literals if isinstance(one, Name)]
            (answer,) = [name for name in names if f"{Name[name]} 1" in solutions[0]]
            yield Puzzle(
                problem=f"{puzzle}\nWhat is the name of the person who lives in house 1?",
                answer=answer,
                content="\n".join(sorted(map(str, puzzle.clues))),
                label=answer,
                labels=tuple(names),
                relabelled=answer != made["questions"][0]["answer"],
            )
