r"""Problems whose answer is a real number in closed form, or several: ``\frac{9\sqrt{23}}{23}``, as contests ask for.

What is boxed (:mod:`tasks.boxes`) is an integer as :mod:`tasks.integers` reads it, else a number as
:mod:`tasks.closed_forms` does, or a list of these, in any order. Two are the same if their values agree in 30 digits:
``\frac{\sqrt{2}}{2}`` is ``\frac{1}{\sqrt{2}}``, and ``0.333`` is not ``\frac{1}{3}``. What stands before a single
equals sign is ignored where it holds no digit (``x = \frac{1}{2}``). All else is answered and wrong.
"""

import re

from tasks.boxes import boxed_answer
from tasks.characters import shortened
from tasks.closed_forms import value_of
from tasks.integers import Integers
from tasks.reading import read_integer

_NAME = re.compile(r"[^0-9=]{1,100}=(?!=)")
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
    name = _NAME.match(content)
    parts = _BETWEEN.split(content[name.end() :] if name else content)
    values = [value_of(part) for part in parts if part.strip()]
    found = [value for value in values if value is not None]
    return ", ".join(sorted(found)) or None if len(found) == len(values) else None
