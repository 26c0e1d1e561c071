r"""Problems of several options, of which one is right: multiple choice.

The answer is the option's letter, and a response is right if its box (:mod:`tasks.boxes`) states that letter: ``B``,
``(b)``, ``\text{B}``, ``Option B``, ``B) Paris``, ``B. Paris``. The words of an option without its letter are answered
and wrong, and so are several letters (``A, C``).

A file has its options in the problem's text, or in columns of their own: ``choices`` or ``options``, a list (or what
ARC has, a list of ``text`` and one of ``label``), or ``a``, ``b``, ``c``, … Its answer is then an option's label or
letter, a number that counts them from 0, or the words of one.
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from tasks.base import Task
from tasks.boxes import boxed_answer
from tasks.characters import shortened
from tasks.plain_text import plain

# Whose answer columns these are: most; ARC's.
_ANSWERS = ("answer", "final_answer", "expected_answer", "answerkey")
_LETTER = re.compile(
    r"(?:(?:the )?(?:final |correct )?(?:answer|option|choice)(?: is)?:? )?"
    # Behind a letter in parentheses its option may follow, but no second letter; behind a bare one a mark comes first.
    r"(?:\(([a-z])\)(?: (?!and\b|or\b|\([a-z]\)).*)?|([a-z])(?:[).:](?: .*)?)?)"
)


class Choice(Task):
    """Multiple choice, of at most 26 options."""

    name = "choice"
    instruction = (
        "Please reason step by step, and put the letter of the right option, and nothing else, within \\boxed{}."
    )

    def extract(self, response: str) -> str | None:
        """The boxed letter, a capital one, else what is boxed, of at most 80 characters, else None."""
        # "A" alone is a word that would be a placeholder's.
        content = boxed_answer(response, is_answer=lambda content: _letter(content) is not None)
        if content is None:
            return None
        return _letter(content) or shortened(content.strip())

    def normalise(self, answer: str) -> str:
        """``'(b)'`` to ``'B'``; raises ValueError for what is no letter."""
        letter = answer.strip().strip("().:").upper()
        if len(letter) != 1 or letter not in ascii_uppercase:
            raise ValueError(f"answer {shortened(answer)!r} is not the letter of an option, A to Z")
        return letter

    def row(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row with its options below its problem, if it has columns of them, and a letter as its answer."""
        columns, labels, options = _options(fields)
        problem = fields.get("problem", fields.get("question"))
        answer = next((fields[name] for name in _ANSWERS if fields.get(name) is not None), None)
        if not options or not isinstance(problem, str) or not isinstance(answer, str | int):
            return fields
        place = _place(answer, labels, options)
        listed = "\n".join(f"{letter}) {option}" for letter, option in zip(ascii_uppercase, options, strict=False))
        rest = {name: value for name, value in fields.items() if name not in columns}
        return {**rest, "problem": f"{problem.strip()}\n\n{listed}", "answer": ascii_uppercase[place]}


def _letter(content: str) -> str | None:
    found = _LETTER.fullmatch(plain(content))
    return (found[1] or found[2]).upper() if found else None


def _options(row: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The columns that a row's options stand in, their labels and texts; nothing where it has none of its own."""
    name = next((name for name in ("choices", "options") if row.get(name) is not None), None)
    if name is None:
        letters = [letter for letter in ascii_uppercase if str(row.get(letter.lower()) or "").strip()]
        own = ascii_uppercase.startswith("".join(letters)) and len(letters) > 1
        columns = [letter.lower() for letter in letters]
        return (columns, letters, [str(row[column]).strip() for column in columns]) if own else ([], [], [])
    found = row[name]
    labels: Any = None
    if isinstance(found, Mapping):
        labels, found = found.get("label"), found.get("text")
    options = _texts(name, found)
    labels = list(ascii_uppercase[: len(options)]) if labels is None else _texts(name, labels)
    if len(labels) != len(options) or len(set(labels)) < len(labels):
        raise ValueError(f"{name!r} has {len(options)} texts and the labels {shortened(', '.join(labels))}")
    return [name], labels, options


def _texts(name: str, found: Any) -> list[str]:
    are_texts = isinstance(found, Sequence) and not isinstance(found, str) and 2 <= len(found) <= len(ascii_uppercase)
    if not are_texts or not all(isinstance(one, str | int | float) and str(one).strip() for one in found):
        raise ValueError(f"{name!r} is {shortened(repr(found))}; it must be a list of 2 to 26 texts")
    return [str(one).strip() for one in found]


def _place(answer: str | int, labels: list[str], options: list[str]) -> int:
    """Which option is right, from 0."""
    text = str(answer).strip()
    found = {index for index, label in enumerate(labels) if label in (text, text.strip("().:").upper())}
    if not found:
        # A table without types has numbers as texts.
        found = {int(text)} & set(range(len(options))) if text.isdecimal() and len(text) < 3 else set()
        if not isinstance(answer, int):
            found |= {index for index, option in enumerate(options) if option == text}
    if len(found) != 1:
        raise ValueError(
            f"answer {shortened(str(answer))!r} is none of the {len(options)} options; allowed are "
            f"{', '.join(labels)}, the words of one of them, or its number, from 0, if just one is meant"
        )
    return found.pop()
