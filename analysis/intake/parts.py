"""The parts of a sample in a row with plain names, each under whichever of several; what is not told is None."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis import InputError
from analysis.intake.harnesses import said

Row = Mapping[str, Any]
#: What a part may be called; the first name that a row has counts. Ids come before texts, and what can only be the
#: right answer before what may be a model's.
QUESTION = (
    *("question_id", "problem_id", "problem_idx", "doc_id", "unique_id", "id", "idx", "index"),
    *("problem", "question", "prompt", "input"),
)
PROBLEM = ("problem", "question")
RESPONSE = (
    *("responses", "response", "generations", "generation", "completions", "completion", "outputs", "output"),
    *("model_outputs", "model_output", "predictions", "prediction"),
)
ANSWER = (
    *("gold_answer", "expected_answer", "reference_answer", "ground_truth", "gold", "gts", "target"),
    *("final_answer", "answer"),
)
SAMPLE = ("sample", "sample_index", "sample_idx")
TOKENS = ("n_tokens", "num_generated_tokens", "output_tokens", "completion_tokens", "num_tokens")
EXPERT_TOKENS = ("expert_tokens",)
FINISH = ("finish_reason", "stop_reason")
#: Why a response ended, as our own files say it; of any other reason nothing is known.
_ENDED = {
    **dict.fromkeys(("stop", "eos", "eos_token", "stop_sequence", "end_turn"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_length", "model_length"), "length"),
}
_ZEROS = re.compile(r"(?<=[0-9])\.0+$")
_SHOWN = 60


def question(where: str, row: Row) -> str:
    """The id of the question, else its text, shortened to one that no other text has. Raises InputError: neither."""
    value = _needed(where, row, "the question", QUESTION)
    # Of messages the last one asks.
    last = value[-1] if isinstance(value, list) and value else value
    plain = _word(said(last.get("content")) if isinstance(last, dict) else last)
    if plain is None:
        raise InputError(f"{where}: the question is {_shown(value)}: needed is an id, or its text")
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}… {hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def problem(row: Row) -> str | None:
    """The text of the problem."""
    return _word(_value(row, PROBLEM))


def has_answer(row: Row) -> bool:
    """Whether the row tells the right answer."""
    return _name(row, ANSWER) is not None


def answer(where: str, row: Row) -> str:
    """The right answer. Raises InputError: it is missing, several, or no text and no whole number."""
    value = _needed(where, row, "the right answer", ANSWER)
    word = _word(value[0] if isinstance(value, list) and len(value) == 1 else value)
    if word is None:
        raise InputError(f"{where}: the right answer is {_shown(value)}: needed is text or a whole number")
    return word


def responses(where: str, row: Row) -> list[str]:
    """The responses. Raises InputError: none, or one that is no text."""
    value = _needed(where, row, "the response", RESPONSE)
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: the response is {_shown(value)}: needed is text, or a list of texts")
    return texts


def count(where: str, row: Row, names: Sequence[str], at: int = 0) -> int | None:
    """A count, of a list of them the one ``at`` a place. Raises InputError: it is none."""
    value = _at(_value(row, names), at)
    # A table with a gap somewhere writes 12.0.
    word = _word(_ZEROS.sub("", value) if isinstance(value, str) else value)
    # A table writes NaN where it has nothing.
    if word is None and (value in (None, "") or value != value):
        return None
    if word is None or not (word.isdecimal() and word.isascii() and len(word) <= 10 and int(word) < 2**31):
        raise InputError(f"{where}: {_name(row, names)} is {_shown(value)}: needed is a count")
    return int(word)


def ended(row: Row, at: int = 0) -> str | None:
    """Why the response ended, of a list of reasons the one ``at`` a place: "stop", "length" or not known."""
    value = _at(_value(row, FINISH), at)
    return _ENDED.get(value.lower()) if isinstance(value, str) else None


def _at(value: Any, at: int) -> Any:
    if not isinstance(value, list):
        return value
    return value[at] if at < len(value) else None


def _name(row: Row, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row), None)


def _value(row: Row, names: Sequence[str]) -> Any:
    """What the row says of a part; None where it has none: a table's column without a name is none of it."""
    name = _name(row, names)
    return None if name is None else row[name]


def _needed(where: str, row: Row, what: str, names: Sequence[str]) -> Any:
    name = _name(row, names)
    if name is None:
        found = ", ".join(row)[:200] or "none"
        raise InputError(f"{where}: has no field for {what}: needed is one of {', '.join(names)} (found are {found})")
    return row[name]


def _word(value: Any) -> str | None:
    """Text that is not empty, or a whole number, as text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _shown(value: Any) -> str:
    return repr(value)[:60]
