"""Logic circuits, drawn in characters: what comes out of the last gate.

The answer is 0 or 1 (:mod:`tasks.integers`), worked out from the circuit's terms. What the final gate is decides most
outputs (an OR of four terms is nearly always 1): so of each gate as many circuits are taken that give 0 as give 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import Field, model_validator

from workflow.sources.gym import entries
from workflow.sources.logic.puzzle import Family, Puzzle

_ASKED = "What is the final output?"
# Of more than two inputs XOR is read in two ways.
_ASKED_HERE = "XOR is 1 where an odd number of its inputs is 1. What is the final output, 0 or 1?"
_Gate = Callable[[Sequence[bool]], bool]
_GATES: dict[str, _Gate] = {
    "AND": all,
    "NAND": lambda values: not all(values),
    "OR": any,
    "NOR": lambda values: not any(values),
    "XOR": lambda values: sum(values) % 2 == 1,
}
_OF_A_TERM = {"&": "AND", "↑": "NAND", "⊕": "XOR"}


class CircuitLogic(Family):
    """So many gates before the final one, with so many inputs each, of which a share is negated."""

    task = "integers"

    min_terms: int = Field(3, ge=2, le=8)
    max_terms: int = Field(5, ge=2, le=8)
    # A gate of one input is drawn as a wire, and computed as a gate.
    min_inputs: int = Field(2, ge=2, le=6)
    max_inputs: int = Field(4, ge=2, le=6)
    negated: float = Field(0.3, ge=0, le=1)

    @model_validator(mode="after")
    def _no_more_than_the_most(self) -> CircuitLogic:
        for what in ("terms", "inputs"):
            least, most = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if least > most:
                raise ValueError(f"min_{what}: {least} is more than max_{what} ({most})")
        return self

    def puzzles(self, seed: int, size: int) -> Iterator[Puzzle | str]:
        """One of each item."""
        limits = self.model_dump(exclude={"negated"})
        return map(_puzzle, entries("circuit_logic", seed, size, neg_prob=self.negated, **limits))


def _puzzle(entry: dict[str, Any]) -> Puzzle:
    about, text = entry["metadata"], entry["question"]
    values = [_value(term, about["assignments"]) for term in about["term_strings"]]
    answer = str(int(_GATES[about["final_gate"]](values)))
    return Puzzle(
        problem=text.replace(_ASKED, _ASKED_HERE),
        answer=answer,
        content=text,
        label=answer,
        labels=("0", "1"),
        group=about["final_gate"],
        relabelled=answer != entry["answer"],
    )


def _value(term: str, assignments: dict[str, int]) -> bool:
    """The value of ``A&B'``, say; a term has one kind of gate."""
    (gate,) = {sign for sign in term if sign in _OF_A_TERM}
    inputs = re.findall(r"([A-Z]+)('?)", term)
    return _GATES[_OF_A_TERM[gate]]([bool(assignments[name]) != bool(mark) for name, mark in inputs])
