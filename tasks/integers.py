r"""Decide whether a response gives the reference answer, an integer.

The rule, in order:

1. Only what follows the last ``</think>`` counts; a response without one counts as a whole. A box in the thoughts
   alone is no answer.
2. The answer is the content of the last *balanced* ``\boxed{…}`` or ``\fbox{…}`` (the one that closes last; braces
   nest, ``\{`` and ``\}`` are not braces). Of several boxes the last one counts, and one that never closes is none.
   ``\boxed 25`` is none either: TeX boxes its first digit. A response without a box, or with an empty one, is
   *unanswered*: nothing is guessed from its text.
3. The content is read as an integer.

   - Ignored are white space of any kind (line ends too), ``$``, ``\(…\)``, fonts and sizes (``\text{}``, ``\mathbf{}``,
     ``\displaystyle``, …), surrounding braces and parentheses, a plus sign, leading zeros, a final period, comma or
     semicolon, decimals that are all zero (``25.0``), and everything up to the last ``=`` or ``\equiv``, unless that is
     a list of equations (``x = 25, y = 3``).
   - Thousands may be set off in groups of three digits by comma, ``{,}``, ``\,`` or another space. So ``1,024`` and
     ``250,260`` are one number each, while ``1,02`` and ``3, 5`` are none.
   - Minus is ``-`` or one of Unicode's signs for it; digits may be of any script, but superscripts are no digits.
   - Dropped after the number are ``\pmod{…}`` and its like, ``\%``, degrees (``^\circ``, ``°``; with C or F), what
     stands in ``\text{}``, and plain words of two letters or more, unless one is mathematics (``pi``, ``sqrt``, …) or
     joins or multiplies (``or``, ``and``, ``million``, …). A percentage is thus its number. A single letter is a
     variable: ``25x`` is no integer.

4. Two integers are compared as integers. What is boxed and not an integer (a fraction, ``\dfrac{50}{2}`` too, another
   decimal, a list, an expression) is answered and wrong, whatever its value; :mod:`analysis.intake.verification` is the
   second opinion on those.

The time is linear in the length of the response, and no integer of more than 18 digits is ever built.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from tasks.base import Grade

SHOWN_CHARACTERS = 80
MAX_DIGITS = 18

_TOKEN = re.compile(r"\\(?P<box>boxed|fbox)\s*\{|\\\\(?!boxed|fbox)|\\[{}]|(?P<brace>[{}])")
_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|up|normal)?|math(?:rm|bf|it|sf|tt|normal)|emph|mbox|hbox|operatorname)\b\s*"
)
_WRAPPER = re.compile(
    r"\\(?:boxed|fbox|boldsymbol|bm|underline|displaystyle|left|right|Large|large|huge|Huge|bf|rm|it)(?![a-zA-Z])\s*"
)
_COLOUR = re.compile(r"\\(?:text)?color\s*\{[^{}]*\}")
_UP_TO_EQUALS = re.compile(r".*(?:(?<![<>!])=|\\equiv(?![a-zA-Z])|≡)", re.S)
_LIST = re.compile(r"(?<![\\{])[,;](?:\\[ ,;:!]|\\q?quad|\s)*\\?[A-Za-z]|\b(?:and|or)\b")
_MODULUS = re.compile(
    r"\((?:\s|\\[ ,;:!])*(?:\\(?:text|mathrm|operatorname)\s*\{\s*)?\\?[pb]?mod\b.*|\\?\b[pb]?mod\b.*", re.S
)
_DEGREES = re.compile(r"\^?\s*(?:\\circ|\\(?:text)?degree|°)(?![a-z])(?:\s*\x00?\s*[CF](?![A-Za-z]))?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+")
_NUMBER = re.compile(r"(?P<sign>[+-]?) ?(?P<whole>[0-9][0-9, ]*)(?:\.(?P<decimals>0*))?(?P<rest>[^0-9,.].*)?", re.S)
_PLAIN_UNIT = re.compile(r"[A-Za-z. /]*(?:\^[23])?")
_TEXT_UNIT = re.compile(r"[^0-9\\^]*(?:\^[23])?")
_NOT_UNITS = frozenset(
    [
        *("pi", "sqrt", "sin", "cos", "tan", "log", "ln", "exp", "mod", "plus", "minus", "times", "over"),
        *("or", "and", "to", "hundred", "thousand", "million", "billion"),
    ]
)
_MINUS = dict.fromkeys(map(ord, "−–－"), "-")
# Marks, in the normalised content, where a \text{} group begins, so that what follows a number there is a unit.
_UNIT_MARK = "\x00"


class Integers:
    """Problems whose answer is an integer; the policy is asked to reason, and to put its answer in a box."""

    name = "integers"

    def prompt(self, problem: Mapping[str, Any]) -> str:
        """The problem and the instruction."""
        return f"{problem['problem']}\n\nPlease reason step by step, and put your final answer within \\boxed{{}}."

    def extract(self, response: str) -> str | None:
        """The content of the last box after the last ``</think>``, or None."""
        return last_box(final_part(response))

    def grade(self, response: str, answer: str) -> Grade:
        """By the rule of this module; raises ValueError for an ``answer`` that is no integer."""
        return grade(response, answer)

    def reward(self, response: str, answer: str) -> float:
        """1.0 where the grade is right, else 0.0."""
        return float(grade(response, answer).correct)

    def normalise(self, answer: str) -> str:
        """``'025'`` and ``'25.0'`` to ``'25'``; raises ValueError for what is no integer."""
        value = read_integer(answer)
        if value is None:
            raise ValueError(f"answer is {answer!r}; it must be an integer of at most {MAX_DIGITS} digits")
        return str(value)


class BareIntegers(Integers):
    """Integers asked for by the bare problem, as the models of the embedded world read it."""

    name = "integers_bare"

    def prompt(self, problem: Mapping[str, Any]) -> str:
        """The problem."""
        return str(problem["problem"])


def grade(response: str, answer: str) -> Grade:
    """Grade one response by the rule above.

    Raises:
        ValueError: the reference ``answer`` is not an integer of at most 18 digits.
    """
    wanted = read_integer(answer)
    if wanted is None:
        raise ValueError(
            f"reference answer {answer[:SHOWN_CHARACTERS]!r} is not an integer of at most {MAX_DIGITS} digits"
        )
    content = last_box(final_part(response))
    if content is None or not content.strip():
        return Grade(None, False, True)
    value = read_integer(content)
    if value is None:
        return Grade(content.strip()[:SHOWN_CHARACTERS], False, False)
    return Grade(str(value), value == wanted, False)


def final_part(response: str) -> str:
    """What follows the last ``</think>``, or the whole response where there is none."""
    return response.rpartition("</think>")[2]


def last_box(text: str) -> str | None:
    r"""Content of the balanced ``\boxed{…}`` or ``\fbox{…}`` that closes last, or None."""
    if "box" not in text:
        return None
    open_braces: list[tuple[int, bool]] = []
    found: tuple[int, int] | None = None
    for token in _TOKEN.finditer(text):
        if token["box"]:
            open_braces.append((token.end(), True))
        elif token["brace"] == "{":
            open_braces.append((token.end(), False))
        elif token["brace"] == "}" and open_braces:
            start, is_box = open_braces.pop()
            if is_box:
                found = (start, token.start())
    return None if found is None else text[found[0] : found[1]]


def read_integer(content: str) -> int | None:
    """The integer that boxed ``content`` stands for, or None; see rule 3 of the module."""
    match = _NUMBER.fullmatch(_plain(content))
    if match is None:
        return None
    if match["rest"] and not _is_unit(match["rest"]):
        return None
    whole = match["whole"].strip(" ,")
    if not whole.isdigit():
        if not _GROUPED.fullmatch(whole):
            return None
        whole = whole.replace(",", "").replace(" ", "")
    digits = whole.lstrip("0") or "0"
    if len(digits) > MAX_DIGITS:
        return None
    return -int(digits) if match["sign"] == "-" else int(digits)


def _plain(content: str) -> str:
    text = _ascii_number(content).replace(_UNIT_MARK, "?")
    # One match from the start: a search would try every place, in quadratic time.
    equals = _UP_TO_EQUALS.match(text)
    if equals and not _LIST.search(equals[0].partition("=")[2]):
        text = text[equals.end() :]
    for command in (r"\!", r"\(", r"\)", r"\[", r"\]", r"\$", "$"):
        text = text.replace(command, "")
    for space in (r"\,", r"\;", r"\:", r"\ ", "~", r"\qquad", r"\quad"):
        text = text.replace(space, " ")
    text = text.replace(r"\text{,}", ",").replace("{,}", ",").replace(r"\%", "%")
    text = _COLOUR.sub("", _MODULUS.sub("", text))
    text = _TEXT.sub(_UNIT_MARK, text)
    text = _WRAPPER.sub("", text).replace("{", "").replace("}", "")
    text = " ".join(text.split()).lstrip(_UNIT_MARK + " ").rstrip(".,; ")
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text


def _ascii_number(text: str) -> str:
    """The text with decimal digits of other scripts and Unicode's minus signs as the ASCII ones."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text.translate(_MINUS))


def _is_unit(rest: str) -> bool:
    """Whether what follows the number can be dropped without changing the number."""
    degrees = _DEGREES.match(rest.lstrip())
    if degrees:
        rest = rest.lstrip()[degrees.end() :]
    rest = rest.strip()
    if rest in ("", "%"):
        return True
    in_text = rest.startswith(_UNIT_MARK)
    words = rest.replace(_UNIT_MARK, " ").strip()
    if not (_TEXT_UNIT if in_text else _PLAIN_UNIT).fullmatch(words):
        return False
    found = re.findall(r"[A-Za-z]+", words)
    if _NOT_UNITS & {word.lower() for word in found}:
        return False
    return in_text or (bool(found) and len(found[0]) > 1)
