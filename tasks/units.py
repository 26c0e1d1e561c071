r"""What may follow an integer in a box and leave it what it is: units and the names of what is counted.

Dropped after a number are

- ``\pmod{…}``, ``(mod …)``, ``\bmod …``, and nothing behind it but units; without parentheses the number has to be
  below the modulus, since ``25 \bmod 7`` is 4;
- a per cent sign or the word, where it ends the answer: a percentage is its number, and ``25\% of 80`` is not;
- degrees (``^\circ``, ``°``, ``^o``; with C or F) and the endings of ordinals (``25th``, ``25^{\text{th}}``);
- words, with a power of at most 3 behind them, a slash, a period or ``\cdot`` between them, in parentheses or in a
  fraction of theirs (``cm^2``, ``\text{ m}/\text{s}``, ``m s^{-1}``, ``\frac{\text{km}}{\text{h}}``, ``square units``).

The answer is no integer where a word

- may be a product of variables: outside ``\text{}`` a single letter, up to four letters that are no unit known here
  (``25xy``), unless space parts three or four from the number and they sound like a word (a vowel, and not in the
  alphabet's order: ``25 red balls``, not ``25 prt``), or neighbours in the alphabet; anywhere short Greek, x, y and z,
  or a letter that no unit is written with (``m²`` is a unit, ``m^2`` and ``25m`` are not);
- multiplies or changes the number (``dozen``, ``million``, ``half``, ``factorial``, ``choose``, ``root``, … anywhere;
  ``squared``, ``pairs``, ``score``, … directly behind it; 万, тысяч and their like), or names another base;
- joins, compares, denies, or sets a condition (``or``, ``than``, ``not``, ``when``, ``for``, …).

:mod:`tasks.words` has them all.
"""

from collections.abc import Sequence

from tasks.latex import Token
from tasks.words import PERCENT, POWER, SHORT, UNIT_LETTERS, VARIABLES, begins_clause, changes

_IN_TEXT = frozenset(".,-'’/")
_BRACKETS = frozenset("()[]")
_BETWEEN_WORDS = frozenset(("^", ".", "/", "·", "⋅", "cdot", *"²³"))
_FRACTIONS = ("frac", "dfrac", "tfrac")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
# Before these a letter is a unit's.
_AFTER_A_LETTER = ("/", "²", "³")
# Unicode has some units as one character: ㎝, ㎡, ㎏, ….
_FIRST_SQUARED_UNIT, _LAST_SQUARED_UNIT = "㍱", "㏟"
_MODULUS = ("pmod", "mod", "modulo")


def may_follow(rest: Sequence[Token], value: int) -> bool:
    """Whether ``rest``, the tokens after the number ``value``, can be dropped without changing it."""
    cut = _modulus(rest)
    if cut < len(rest):
        in_parentheses = cut > 0 and rest[cut - 1].text == "("
        end = _end_of_modulus(rest, cut + 1, in_parentheses)
        if not (in_parentheses or rest[cut].text == "pmod" or _below(value, rest[cut + 1 : end])):
            return False
        rest = [*rest[: cut - in_parentheses], *rest[end:]]
    spelt = tuple(token.text.casefold() for token in rest)
    return spelt in PERCENT or spelt == ("%",) or _are_units(rest[_suffix(spelt, value) :])


def _modulus(rest: Sequence[Token]) -> int:
    places = (index for index, token in enumerate(rest) if token.kind == "word" and token.text.casefold() in _MODULUS)
    return next(places, len(rest))


def _end_of_modulus(rest: Sequence[Token], start: int, in_parentheses: bool) -> int:
    """Behind its closing parenthesis, else behind one number or name, its power, or what is in braces."""
    if in_parentheses:
        return next((index + 1 for index in range(start, len(rest)) if rest[index].text == ")"), len(rest))
    end = start + 1
    while end < len(rest) and (rest[end].nested or "^" in (rest[end - 1].text, rest[end].text)):
        end += 1
    return end


def _below(value: int, modulus: Sequence[Token]) -> bool:
    """Whether ``value`` is below the modulus; one that is not written in digits is taken to be large."""
    digits = "".join(token.text for token in modulus).replace(",", "")
    return not digits.isdecimal() or abs(value) < int(digits)


def _suffix(spelt: tuple[str, ...], value: int) -> int:
    """How many tokens make a degree sign or the ending of an ordinal."""
    start = spelt[:1] == ("^",)
    if spelt[start : start + 1] == ("°",) or spelt[:2] == ("^", "o"):
        return start + 1 + (spelt[start + 1 : start + 2] in (("c",), ("f",)))
    return start + 1 if spelt[start : start + 1] == (_ordinal(value),) else 0


def _ordinal(value: int) -> str:
    last = abs(value) % 100
    return "th" if 11 <= last <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")


def _are_units(rest: Sequence[Token]) -> bool:
    words: list[str] = []
    # What stands before: of "/" and "^" alone something has to follow.
    previous = ""
    for index, token in enumerate(rest):
        following = rest[index + 1].text if index + 1 < len(rest) else ""
        if token.kind == "word":
            if not _is_unit(
                token,
                directly=not words,
                sure=token.in_text or previous in ("/", "cdot") or following in _AFTER_A_LETTER,
            ):
                return False
            words.append(token.text.casefold())
        elif _FIRST_SQUARED_UNIT <= token.text <= _LAST_SQUARED_UNIT:
            words.append(token.text)
        elif previous == "^":
            if token.text not in ("-", "1", "2", "3"):
                return False
            if token.text == "-":
                continue
        elif not (
            token.text == "\\"
            or token.text in _BRACKETS
            or token.text in _FRACTIONS
            or (words and token.text in _BETWEEN_WORDS)
            or (token.in_text and token.text in _IN_TEXT)
        ):
            return False
        previous = token.text
    # "25 square" is 625.
    return previous not in ("^", "/", "cdot", *_FRACTIONS) and not (len(words) == 1 and words[0] in POWER)


def _is_unit(token: Token, directly: bool, sure: bool) -> bool:
    """Whether a word leaves the number what it is; ``sure``: one letter may be a unit here."""
    word = token.text.casefold()
    if begins_clause(word) or changes(word, directly) or set(word) <= VARIABLES:
        return False
    if len(word) == 1 and word.isascii():
        return sure and token.text in UNIT_LETTERS
    if token.in_text or not word.isascii() or word in SHORT:
        return True
    return word not in _ALPHABET if len(word) > 4 else token.spaced and len(word) > 2 and _sounds(word)


def _sounds(word: str) -> bool:
    """Whether letters look like a word, not like the product of variables that they name."""
    return list(word) != sorted(set(word)) and not frozenset("aeiou").isdisjoint(word)
