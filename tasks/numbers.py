r"""Problems whose answer is a real number in closed form, or several: ``\frac{9\sqrt{23}}{23}``, as contests ask for.

What is boxed (:mod:`tasks.boxes`) is an integer as :mod:`tasks.integers` reads it, else a number as
:mod:`tasks.closed_forms` does, or a list or ``\{…\}`` of these, in any order. Two are the same if their values agree in
30 digits: ``\frac{\sqrt{2}}{2}`` is ``\frac{1}{\sqrt{2}}``, and ``0.333`` is not ``\frac{1}{3}``. One ``\pm`` in a
number makes it two, one with plus and one with minus.

Ignored are the label "Answer:", the ``**`` of Markdown around all of it, a final period or ``\\``, and what stands
before an equals sign where it holds no digit (``x = \frac{1}{2}``), the same before each of a list. Sides of further
equals signs have to have one value (``\frac{1}{24^2} = \frac{1}{576}``). All else is answered and wrong: ordered pairs
(``(1, 2)``), mixed numbers, ``½``, a unit beside what is no integer, names that differ.
"""

import re

from tasks.boxes import boxed_answer
from tasks.characters import shortened
from tasks.closed_forms import value_of
from tasks.integers import Integers
from tasks.reading import read_integer

_MAX_CHARACTERS = 2000
_LABEL = re.compile(r"(?:\\text(?:bf)?\s*\{\s*)?(?:the )?(?:final )?answer(?: is)?\s*:?\s*\}?\s*:?", re.I)
# Not "<=" and the like.
_NAME = re.compile(r"([^0-9=]{1,100})(?<![<>!])(?<!\\not)=(?!=)")
_EITHER_SIGN = re.compile(r"\\pm(?![A-Za-z])|±")
# No comma of thousands.
_BETWEEN = re.compile(r"\\(?:text|mathrm)\s*\{[\s,]*(?:and|or)[\s,]*\}|(?<!\{),(?![0-9]{3}(?![0-9]))|;|\b(?:and|or)\b")


class Numbers(Integers):
    """Real numbers in closed form, asked for as integers are."""

    name = "numbers"

    def extract(self, response: str) -> str | None:
        """The boxed numbers in digits, in one order, else what is boxed, of at most 80 characters, else None."""
        content = boxed_answer(response)
        if content is None:
            return None
        integer = read_integer(content)
        if integer is not None:
            return str(integer)
        return _values(content) or shortened(content.strip())

    def normalise(self, answer: str) -> str:
        r"""``'\frac{1}{2}'`` to ``'0.5'``; raises ValueError for what is no number in closed form, nor several."""
        try:
            return super().normalise(answer)
        except ValueError as error:
            if (values := _values(answer)) is None:
                raise ValueError(
                    f"answer {shortened(answer)!r} is not a number in closed form (digits, fractions, roots, powers, "
                    "factorials, pi and e), nor a list of these"
                ) from error
            return values


def _values(content: str) -> str | None:
    if len(content) > _MAX_CHARACTERS:
        return None
    text = _without_label(content)
    name = _NAME.match(text)
    text = _listed(text[name.end() :] if name else text)
    parts = [_part(part, name[1].strip() if name else None) for part in _BETWEEN.split(text) if part.strip()]
    found = [value for values in parts for value in values or ()]
    return ", ".join(sorted(found)) if parts and None not in parts else None


def _without_label(content: str) -> str:
    text = content.strip().removesuffix("\\\\").rstrip().removesuffix(".").rstrip()
    if text.startswith("**") and text.endswith("**"):
        text = text[2:-2]
    label = _LABEL.match(text)
    return text[label.end() :] if label else text


def _listed(text: str) -> str:
    r"""``text`` without a ``\{…\}`` around all of it."""
    text = text.replace("\\left\\{", "\\{").replace("\\right\\}", "\\}").strip()
    if text.startswith("\\{") and text.endswith("\\}") and text.count("\\{") == 1:
        return text[2:-2]
    return text


def _part(part: str, name: str | None) -> list[str] | None:
    """The value of a list's ``part``, or the two of it, which all its sides have; None where they have not."""
    sides = part.split("=")
    if len(sides) > 1 and sides[0].strip() == name:
        del sides[0]
    first, *others = map(_side, sides)
    return first if all(other == first for other in others) else None


def _side(side: str) -> list[str] | None:
    # Nobody knows how two such signs go together: the second one stays, and is no number.
    found = {value_of(_EITHER_SIGN.sub(sign, side, count=1)) for sign in "+-"}
    return sorted(value for value in found if value is not None) if None not in found else None
