"""Characters that look alike, as one: what a model may write in any script is read in ASCII; and long texts, short."""

import unicodedata

# Minus as Unicode has it, ideographic marks, the sign of equivalence, and what stands for degrees.
_SAME = dict.fromkeys(map(ord, "−–‒‐‑﹣"), "-") | {ord("。"): ".", ord("、"): ",", ord("≡"): "="}
_SAME |= {ord(a): b for a, b in {"℃": "°C", "℉": "°F", "º": "°", "˚": "°"}.items()}
# The full-width forms of ASCII.
_SAME |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
# Invisible, and yet they say that two things are multiplied, added or listed.
_OPERATORS = frozenset("\u2061\u2062\u2063\u2064")

#: Of an answer that is shown as it was written.
SHOWN_CHARACTERS = 80


def shortened(text: str) -> str:
    """``text``, or its beginning with an ellipsis, of at most 80 characters."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def in_ascii(text: str) -> str:
    """``text`` with digits of any script as 0-9, any currency as ``$``, a raised letter as ``^`` and the letter.

    Dropped are format characters (zero-width space, marks of direction, soft hyphen and the like; the invisible
    operators of mathematics stay), variation selectors, and the marks upon and behind a letter, without which an Indian
    or Thai word is no word. Superscripts are no digits. For what stands beside numbers; of words, see
    :func:`in_one_form`.
    """
    if text.isascii():
        return text
    characters = text.translate(_SAME)
    return "".join(_one(before, here) for before, here in zip(" " + characters, characters, strict=False))


def in_one_form(text: str) -> str:
    """As :func:`in_ascii`, but composed, and with the marks, currencies and raised letters that words differ by."""
    if text.isascii():
        return text
    return "".join(map(_same, unicodedata.normalize("NFC", text).translate(_SAME)))


def _same(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    selects = "\ufe00" <= character <= "\ufe0f"
    return "" if selects or (unicodedata.category(character) == "Cf" and character not in _OPERATORS) else character


def _one(before: str, character: str) -> str:
    character = _same(character)
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Sc":
        return "$"
    if category[0] == "M" and (before.isalpha() or unicodedata.category(before)[0] == "M"):
        return ""
    raised = unicodedata.decomposition(character)
    return f"^{chr(int(raised.split()[1], 16))}" if character.isalpha() and raised.startswith("<super>") else character
