"""A set of puzzles: different ones, none of them excluded, the families in turn, no answer more common than another."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import tasks
from workflow.sources.command import SourceError
from workflow.sources.gym import PATIENCE, source_of
from workflow.sources.logic.puzzle import Family, Puzzle
from workflow.sources.problems import Problem


class Generated(NamedTuple):
    """A set of puzzles, and what became of the other items that were looked at, in words ("contradictory premises")."""

    problems: list[Problem]
    fates: Counter[str]


def generate(n: int, seed: int, families: Mapping[str, Family], excluded: frozenset[str]) -> Generated:
    """``n`` puzzles; ``excluded`` are ids of those that may not occur. An id says what a puzzle is.

    Raises SourceError where a family has no more puzzles that are new and whose answer is not too common.
    """
    seen = set(excluded)
    fates: Counter[str] = Counter()
    names = sorted(families)
    streams = {name: _candidates(name, families[name], seed, n, seen, fates) for name in names}
    problems = []
    for index in range(n):
        name = names[index % len(names)]
        found = next(streams[name], None)
        if found is None:
            raise SourceError(
                f"--n {n}: {name} has no new puzzle left for number {index + 1};"
                " ask for fewer, or for larger ones (--families)"
            )
        problems.append(found)
    return Generated(problems, fates)


def _candidates(name: str, family: Family, seed: int, n: int, seen: set[str], fates: Counter[str]) -> Iterator[Problem]:
    """The puzzles that may be taken, of as many items as are looked at; notes their ids in ``seen``, others' fates."""
    taken: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for puzzle in family.puzzles(seed, PATIENCE * n):
        if isinstance(puzzle, str):
            fates[puzzle] += 1
            continue
        identifier = f"{name}-{hashlib.sha256(puzzle.content.encode()).hexdigest()[:16]}"
        before = taken[puzzle.group]
        if identifier in seen:
            fates["seen before"] += 1
        elif before[puzzle.label] > min(before[label] for label in puzzle.labels):
            fates["too common an answer"] += 1
        else:
            seen.add(identifier)
            before[puzzle.label] += 1
            fates["relabelled"] += puzzle.relabelled
            yield _problem(identifier, name, family.task, puzzle)


def _problem(identifier: str, name: str, task: str, puzzle: Puzzle) -> Problem:
    blind = None if puzzle.label == puzzle.answer else puzzle.label
    answer = tasks.task(task).normalise(puzzle.answer)
    return Problem(identifier, puzzle.problem, answer, source_of(name), task, blind)
