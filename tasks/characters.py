"""Characters that look alike, as one: what a model may write in any script is read in ASCII."""

import unicodedata

# Minus as Unicode has it, ideographic marks, and the sign of equivalence.
_SAME = {ord(a): b for a, b in {"−": "-", "–": "-", "。": ".", "、": ",", "≡": "="}.items()}
# The full-width forms of ASCII.
_SAME |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
# Invisible, and yet they say that two things are multiplied, added or listed.
_OPERATORS = frozenset("\u2061\u2062\u2063\u2064")


def in_ascii(text: str) -> str:
    """``text`` without format characters (zero-width space, marks of direction, soft hyphen), digits as 0-9.

    Digits may be of any script; superscripts are none. The invisible operators of mathematics stay.
    """
    if text.isascii():
        return text
    return "".join(map(_one, text.translate(_SAME)))


def _one(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return "" if unicodedata.category(character) == "Cf" and character not in _OPERATORS else character
