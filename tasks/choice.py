r"""Problems of several options, of which one is right: multiple choice.

The answer is the option's letter, and a response is right if its box (:mod:`tasks.boxes`) states that letter: ``B``,
``(b)``, ``[B]``, ``\text{B}``, ``Option B``, ``B is correct``, or with the words of its option behind a mark: ``B)
Paris``, ``B. Paris``, ``(B) Paris``. The words of an option without its letter are answered and wrong, and so is what
may be several letters or a doubtful one. So these words may be no single letter, may not begin with "maybe" or the
like, with "is", "and", "or", "but" or "versus" and more words, nor with a sign such as ``/``, and no other letter may
stand among them on its own: none before ``)``, ``]``, ``.`` or ``:``, nor else one of A to J, even where it is a
variable or an initial (``B) vitamin C``), unless it is the article "a" before a word, "I", or a unit behind a number.

A file has its options in the problem's text, or in columns of their own: ``choices`` or ``options``, a list (or what
ARC has, a list of ``text`` and one of ``label``), or ``a``, ``b``, ``c``, … Its answer is then an option's label or
letter, a number that counts them from 0, or the words of one. A row with a gap between such columns, with two sets of
options, or with an option that is there twice is refused.
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from tasks.base import Task
from tasks.boxes import boxed_answer
from tasks.characters import shortened
from tasks.plain_text import plain

# Whose answer columns these are: most; ARC's.
_ANSWERS = ("answer", "final_answer", "expected_answer", "answerkey")
_LETTER = re.compile(
    r"(?:(?:the )?(?:final |correct )?(?:answer|option|choice)(?: is)?:? )?"
    # Its option may follow behind a mark only: "a dog" states no letter.
    r"(?:[(\[](?P<marked>[a-z])[)\]][.:]?|(?P<bare>[a-z])(?P<mark>[).:])?)"
    r"(?: is (?:correct|right|the (?:correct |right )?(?:answer|option|choice))| (?P<words>.+))?"
)
_NO_OPTION = re.compile(
    # What denies the letter, doubts it or adds to it, and what is no beginning of words.
    r"(?:maybe|perhaps|probably|possibly|not sure)\b|(?:is|and|or|but|versus|vs)\b.|[/,;&|?…]|[a-z]$"
)
_OTHER_LETTER = re.compile(
    r"(?<![a-z0-9])[a-z][).:\]]"
    # Behind a number or a degree sign it is a unit, and before a word an article.
    r"|(?<![0-9] )(?<!°)\b[b-hj]\b|\ba\b(?! (?!is\b|and\b|or\b)[a-z0-9])"
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
    if found is None:
        return None
    if words := found["words"]:
        follows = found["marked"] or found["mark"]
        if not follows or _NO_OPTION.match(words) or _OTHER_LETTER.search(words):
            return None
    return str(found["marked"] or found["bare"]).upper()


def _options(row: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The columns that a row's options stand in, their labels and texts; nothing where it has none of its own."""
    names = [name for name in ("choices", "options") if row.get(name) is not None]
    columns = _columns(row)
    if len(names) + bool(columns) > 1:
        raise ValueError(f"options stand in {' and in '.join(names + columns[:1])}; a row must have one set of them")
    labels: Any = list(ascii_uppercase[: len(columns)])
    options = [str(row[column]).strip() for column in columns]
    for name in names:
        found, labels = row[name], None
        if isinstance(found, Mapping):
            labels, found = found.get("label"), found.get("text")
        options = _texts(name, found)
        labels = list(ascii_uppercase[: len(options)]) if labels is None else _texts(name, labels)
        if len(labels) != len(options) or len(set(labels)) < len(labels):
            raise ValueError(f"{name!r} has {len(options)} texts and the labels {shortened(', '.join(labels))}")
    if twice := next((one for index, one in enumerate(options) if one in options[:index]), None):
        raise ValueError(f"the option {shortened(twice)!r} is there twice; each must have a text of its own")
    return names or columns, labels, options


def _columns(row: Mapping[str, Any]) -> list[str]:
    """The columns ``a``, ``b``, … that hold options: from two on, and no others."""
    filled = [column for column in ascii_lowercase if row.get(column) is not None and str(row[column]).strip()]
    # One of them is something else of the row, and so are others than the first ones: "n" and "k".
    if len(filled) < 2 or not {"a", "b"} & set(filled):
        return []
    gaps = [column for column in ascii_lowercase[: ascii_lowercase.index(filled[-1])] if column not in filled]
    if gaps:
        raise ValueError(f"options stand in the columns {', '.join(filled)}, but none in {', '.join(gaps)}")
    return filled


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
