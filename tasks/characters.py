"""Characters that look alike, as one: what a model may write in any script is read in ASCII."""

import unicodedata

# Minus as Unicode has it, ideographic marks, the sign of equivalence, and what stands for degrees.
_SAME = {ord(a): b for a, b in {"−": "-", "–": "-", "。": ".", "、": ",", "≡": "="}.items()}
_SAME |= {ord(a): b for a, b in {"℃": "°C", "℉": "°F", "º": "°", "˚": "°"}.items()}
# The full-width forms of ASCII.
_SAME |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
# Invisible, and yet they say that two things are multiplied, added or listed.
_OPERATORS = frozenset("\u2061\u2062\u2063\u2064")


def in_ascii(text: str) -> str:
    """``text`` with digits of any script as 0-9, and without format characters and variation selectors.

    Format characters are zero-width space, marks of direction, soft hyphen and the like; the invisible operators of
    mathematics stay. Superscripts are no digits.
    """
    if text.isascii():
        return text
    return "".join(map(_one, text.translate(_SAME)))


def _one(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    ignored = unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"
    return "" if ignored and character not in _OPERATORS else character
