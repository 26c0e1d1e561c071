r"""The value of a number in closed form, written in LaTeX or plainly: ``\frac{1+\sqrt{17}}{2}``, ``2^{24}\cdot 3!``.

Read are digits (with decimals, and commas between groups of three), ``+ - * / ^ !``, parentheses, ``\cdot``,
``\times``, ``\div``, ``\frac`` and its like, ``\sqrt`` with or without a degree, ``\binom``, ``\pi`` and ``e``, in any
font; what stands side by side is multiplied, but for a number before a fraction, which could be a mixed one, or behind
anything, where it could go on.

Computed is in decimal floating point of 60 digits, which bounds the time: a power beyond 10^100000, a factorial of more
than 1000, more than 50 parentheses within each other and more than 500 characters have no value here.
"""

import re
from decimal import Context, Decimal, DecimalException, localcontext
from math import factorial

from tasks.characters import in_ascii

MAX_CHARACTERS, MAX_DEPTH, MAX_FACTORIAL = 500, 50, 1000
#: Digits of the computation, of the result, and decimals beyond which a result is 0.
_PRECISION, _DIGITS, _ZERO = 60, 30, Decimal("1e-40")
_CONTEXT = Context(prec=_PRECISION, Emax=100_000, Emin=-100_000)
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899863")
_E = Decimal("2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457")
_DROPPED = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|[bB]igg?[lrm]?|text(?:bf|rm|it|normal)?|math(?:bf|rm|it|normal)|boldsymbol"
    r"|bm|pmb)(?![A-Za-z])|\\[()\[\]!]|\$"
)
_SPACE = re.compile(r"\\(?:[,;: ]|q?quad(?![A-Za-z]))|[\s~]+")
_TWO_NUMBERS = re.compile(r"[0-9.] +[0-9.]")
# TeX takes a digit for each argument.
_TWO_DIGITS = re.compile(r"(\\[dtc]?frac) ?([0-9]) ([0-9])")
_TOKEN = re.compile(
    r" ?(?:(?P<number>[0-9]{1,3}(?:(?:,|\{,\})[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    r"|\\(?P<command>[A-Za-z]+)|(?P<sign>[-+*/^!(){}\[\]]|[eπ√](?![A-Za-z])))"
)
_BEGINNING = "0123456789."
_TIMES, _OVER = ("*", "cdot", "times"), ("/", "div")
_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")
_CONSTANTS = {"pi": _PI, "π": _PI, "e": _E}
_SAME = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/"})


def value_of(text: str) -> str | None:
    """The value of ``text`` in 30 significant digits, or None where it is no such number; it is a text of the same."""
    text = _SPACE.sub(" ", _DROPPED.sub("", in_ascii(text).translate(_SAME))) if len(text) <= MAX_CHARACTERS else ""
    text = _TWO_DIGITS.sub(r"\1{\2}{\3}", text)
    if _TWO_NUMBERS.search(text):
        return None
    tokens: list[str] = []
    place = 0
    text = text.strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            return None
        tokens.append(found["command"] or found[0].strip())
        place = found.end()
    with localcontext(_CONTEXT):
        try:
            reader = _Reader(tokens)
            value = reader.sum(0)
            return None if reader.rest or not value.is_finite() else _digits(value)
        except (DecimalException, _NoNumber):
            return None


class _NoNumber(Exception):
    """It has no value here."""


def _digits(value: Decimal) -> str:
    rounded = Context(prec=_DIGITS).plus(value) if abs(value) > _ZERO else Decimal(0)
    shown = rounded.normalize()
    exponent = shown.adjusted()
    if -_DIGITS < exponent < _DIGITS:
        return f"{shown:f}"
    return f"{shown.scaleb(-exponent):f} \\cdot 10^{{{exponent}}}"


class _Reader:
    """Reads tokens from the first on, by recursive descent; methods raise _NoNumber."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens[::-1]

    @property
    def _next(self) -> str:
        return self.rest[-1] if self.rest else ""

    @property
    def _seen(self) -> str:
        """The next token that can be seen: braces only group, and ``2{3}`` looks like 23."""
        return next((token for token in reversed(self.rest) if token != "{"), " ")

    def _take(self, *wanted: str) -> bool:
        return self._next in wanted and bool(self.rest.pop())

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise _NoNumber

    def sum(self, depth: int) -> Decimal:
        if depth > MAX_DEPTH:
            raise _NoNumber
        value = self._signed(depth)
        while self._next in ("+", "-"):
            value = value + self._product(depth) if self._take("+") else value + self._signed(depth)
        return value

    def _signed(self, depth: int) -> Decimal:
        if self._take("-"):
            return -self._product(depth)
        self._take("+")
        return self._product(depth)

    def _product(self, depth: int) -> Decimal:
        mixed, value = self._seen[0].isdigit(), self._power(depth)
        while self._next not in ("", "+", "-", ")", "}", "]"):
            divides, times = self._take(*_OVER), self._take(*_TIMES)
            # "2\frac{1}{2}" may be meant as 2.5, and "(2)3" is no product that anybody writes.
            if not (divides or times) and (self._seen[0] in _BEGINNING or (mixed and self._seen in _FRACTIONS)):
                raise _NoNumber
            mixed = self._seen[0].isdigit()
            factor = self._power(depth)
            value = value / factor if divides else value * factor
        return value

    def _power(self, depth: int) -> Decimal:
        value = self._factorials(self._factor(depth))
        if self._take("^"):
            value = self._factorials(value ** self._exponent(depth))
        # A power of a power is one thing in LaTeX and another in plain text.
        if self._next == "^":
            raise _NoNumber
        return value

    def _factorials(self, value: Decimal) -> Decimal:
        while self._take("!"):
            if value != value.to_integral_value() or not 0 <= value <= MAX_FACTORIAL:
                raise _NoNumber
            value = +Decimal(factorial(int(value)))
        return value

    def _exponent(self, depth: int) -> Decimal:
        return -self._argument(depth) if self._take("-") else self._argument(depth)

    def _argument(self, depth: int) -> Decimal:
        return self._closed("}", depth) if self._take("{") else self._factor(depth)

    def _closed(self, closing: str, depth: int) -> Decimal:
        value = self.sum(depth + 1)
        self._need(closing)
        return value

    def _factor(self, depth: int) -> Decimal:
        if not self.rest or depth > MAX_DEPTH:
            raise _NoNumber
        token = self.rest.pop()
        if token in ("(", "{", "["):
            return self._closed({"(": ")", "{": "}", "[": "]"}[token], depth)
        if token[0] in _BEGINNING:
            return Decimal(token.replace("{,}", "").replace(",", ""))
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token in _FRACTIONS:
            if len(self._next) == 2 and self._next.isdigit():
                # \\frac12: arguments of a digit each.
                self.rest.extend(reversed(self.rest.pop()))
            return self._argument(depth + 1) / self._argument(depth + 1)
        if token in ("sqrt", "√"):
            degree = self._closed("]", depth) if self._take("[") else Decimal(2)
            radicand = self._argument(depth + 1)
            return radicand.sqrt() if degree == 2 else radicand ** (1 / degree)
        if token in ("binom", "dbinom", "tbinom"):
            return self._binomial(self._argument(depth + 1), self._argument(depth + 1))
        raise _NoNumber

    def _binomial(self, n: Decimal, k: Decimal) -> Decimal:
        if not all(one == one.to_integral_value() for one in (n, k)) or not 0 <= k <= n <= MAX_FACTORIAL:
            raise _NoNumber
        return Decimal(factorial(int(n))) / (factorial(int(k)) * factorial(int(n - k)))
