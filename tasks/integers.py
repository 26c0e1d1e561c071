r"""Problems whose answer is an integer.

The rule by which a response is graded:

1. The answer is what stands in the box that :mod:`tasks.boxes` finds. A response without one is *unanswered*: nothing
   is guessed from its text.
2. It is read as an integer as :mod:`tasks.reading` says, and right if it is the reference answer. What is boxed and no
   integer (a fraction, ``\dfrac{50}{2}`` too, another decimal, a list, an expression, a condition) is answered and
   wrong, whatever its value; Math-Verify is the analysis's second opinion on those.
3. A reference answer is read strictly: an integer in digits, with a sign, leading zeros, thousands separators, decimals
   that are all zero and a degree sign at most.

The time is linear in the length of the response, and no integer of more than 18 digits is ever built.
"""

import re

from tasks.base import Task
from tasks.boxes import boxed_answer
from tasks.characters import shortened
from tasks.reading import MAX_DIGITS, read_integer

# Public copies of AIME write an angle with its unit, and a table with a gap somewhere turns its integers into 204.0.
_REFERENCE = re.compile(
    r"\s*(?P<sign>[+-]?)0*(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.0+)?"
    r"\s*(?:\^\s*\\circ|\^\s*\{\s*\\circ\s*\}|°)?\s*"
)


class Integers(Task):
    """Integers of at most 18 digits; the policy is asked to reason, and to put its answer in a box."""

    name = "integers"
    domain = "mathematics"
    instruction = "Please reason step by step, and put your final answer within \\boxed{}."

    def extract(self, response: str) -> str | None:
        """The boxed integer in digits, else what is boxed, of at most 80 characters, else None."""
        content = boxed_answer(response)
        if content is None:
            return None
        value = read_integer(content)
        return shortened(content.strip()) if value is None else str(value)

    def normalise(self, answer: str) -> str:
        """``'025'``, ``'25.0'`` and ``'25°'`` to ``'25'``; raises ValueError for what is no integer in digits."""
        match = _REFERENCE.fullmatch(answer)
        digits = match["digits"].replace(",", "").lstrip("0") or "0" if match else ""
        if match is None or len(digits) > MAX_DIGITS:
            raise ValueError(f"answer {shortened(answer)!r} is not an integer of at most {MAX_DIGITS} digits")
        return f"-{digits}" if match["sign"] == "-" and digits != "0" else digits


class BareIntegers(Integers):
    """Integers asked for by the bare problem, which says itself what is wanted, or is all that a small model knows."""

    name = "integers_bare"
    instruction = ""
