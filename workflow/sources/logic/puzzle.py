"""A puzzle, and what a family of them is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from eapo_verl.settings.base import Settings


@dataclass(frozen=True)
class Puzzle:
    """A puzzle with its one answer.

    Attributes:
        problem: its text.
        answer: as its task has it.
        content: what it is, whatever its persons or variables are called, where that can be told: two with the same
            content are the same.
        label: the answer as one who has not read the puzzle could give it.
        labels: all labels that a puzzle of its group may have; as many puzzles are taken of each.
        group: see ``labels``; puzzles that can be told apart at a glance, and whose answers are guessed by that.
        relabelled: whether reasoning-gym has another answer.
    """

    problem: str
    answer: str
    content: str
    label: str
    labels: tuple[str, ...]
    group: str = ""
    relabelled: bool = False


class Family(Settings):
    """A family of puzzles; its fields are what it may be asked for.

    Attributes:
        task: what its puzzles are asked as.
    """

    task: ClassVar[str]

    @abstractmethod
    def puzzles(self, seed: int, size: int) -> Iterator[Puzzle | str]:
        """What comes of the first ``size`` items of a ``seed``: a puzzle each, or in a word why there is none."""
