"""What was said in a run's rollouts: its rollouts.jsonl.gz."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from analysis import InputError
from analysis.intake.json_lines import is_number, read_json_lines

FILE = "rollouts.jsonl.gz"
PHASES = ("train", "discarded", "validation")
#: The parts of a reward and the sign with which each counts.
REWARD_PARTS = {"answer": 1, "bonus": 1, "cost": -1, "overlong": 1}


class Query(NamedTuple):
    """What the policy asked, what became of it, the name of the expert that was asked (empty: none), and its words as
    the policy was shown them (None: it was shown that there are none)."""

    query: str
    fate: str
    expert: str
    reply: str | None


class Turn(NamedTuple):
    """The policy's words up to a consultation, and the consultation.

    Attributes:
        policy: the words.
        queries: in the order in which they were asked.
        confidence: of the policy where it asked; None where it was not measured.
        let_through: whether anybody could be asked; False where the trigger held the consultation back.
    """

    policy: str
    queries: tuple[Query, ...]
    confidence: float | None
    let_through: bool


class Transcript(NamedTuple):
    """One rollout.

    Attributes:
        step: of training.
        phase: one of ``PHASES``; discarded: generated, and not trained on.
        prompt: id of the problem.
        rollout: its number among those of the same prompt and step.
        problem: its text.
        answer: the right one.
        turns: those that end in a consultation.
        response: the last turn, which is graded.
        correct: whether its answer is right.
        accepted: replies that the policy was shown.
        reward: by the names of ``REWARD_PARTS``.
        hint: what its prompt held of an expert's solution; None for nothing.
    """

    step: int
    phase: str
    prompt: str
    rollout: int
    problem: str
    answer: str
    turns: tuple[Turn, ...]
    response: str
    correct: bool
    accepted: int
    reward: dict[str, float]
    hint: str | None = None

    @property
    def fates(self) -> tuple[str, ...]:
        """Of all queries, in order."""
        return tuple(query.fate for turn in self.turns for query in turn.queries)


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """The rollouts of a file in its order, read as they are asked for.

    Raises:
        InputError: the file is unreadable or a line is not a rollout; says which line, what, and what is needed.
    """
    for where, row in read_json_lines(path):
        yield _transcript(where, row)


def _transcript(where: str, row: dict[str, Any]) -> Transcript:
    step, rollout, accepted = (_get(where, row, name, int) for name in ("step", "rollout", "accepted"))
    for name, value in (("step", step), ("rollout", rollout), ("accepted", accepted)):
        if value < 0:
            raise InputError(f"{where}: {name} {value} is negative")
    phase = _get(where, row, "phase", str)
    if phase not in PHASES:
        raise InputError(f"{where}: phase {phase[:40]!r}: allowed are {', '.join(PHASES)}")
    parts = _get(where, row, "reward", dict)
    return Transcript(
        step,
        phase,
        _get(where, row, "prompt", str),
        rollout,
        _get(where, row, "problem", str),
        _get(where, row, "answer", str),
        tuple(_turn(where, turn) for turn in _get(where, row, "turns", list)),
        _get(where, row, "response", str),
        _get(where, row, "correct", bool),
        accepted,
        {name: _number(where, f"reward.{name}", parts.get(name)) for name in REWARD_PARTS},
        None if row.get("hint") is None else _get(where, row, "hint", str),
    )


def _turn(where: str, turn: Any) -> Turn:
    if not isinstance(turn, dict):
        raise InputError(f"{where}: a turn is {_shown(turn)}, not an object")
    confidence = turn.get("confidence")
    return Turn(
        _get(where, turn, "policy", str),
        tuple(_query(where, query) for query in _get(where, turn, "queries", list)),
        None if confidence is None else _number(where, "confidence", confidence),
        _get(where, turn, "let_through", bool),
    )


def _query(where: str, query: Any) -> Query:
    if not isinstance(query, dict):
        raise InputError(f"{where}: a query is {_shown(query)}, not an object")
    reply = None if query.get("reply") is None else _get(where, query, "reply", str)
    asked, fate, expert = (_get(where, query, name, str) for name in ("query", "fate", "expert"))
    return Query(asked, fate, expert, reply)


_KINDS = {str: "text", int: "an integer", bool: "true or false", list: "a list", dict: "an object"}


def _get(where: str, row: dict[str, Any], field: str, kind: type) -> Any:
    if field not in row:
        raise InputError(f"{where}: field {field!r} is missing: needed is {_KINDS[kind]}")
    if type(row[field]) is not kind:
        raise InputError(f"{where}: {field} is {_shown(row[field])}, not {_KINDS[kind]}")
    return row[field]


def _number(where: str, field: str, value: Any) -> float:
    if not is_number(value):
        raise InputError(f"{where}: {field} is {_shown(value)}, not a finite number")
    return float(value)


def _shown(value: Any) -> str:
    return json.dumps(value)[:40]
