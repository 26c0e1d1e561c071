r"""The integer that the content of a box states.

- Ignored are space of any kind (line ends too), format characters, ``$``, ``\(…\)``, currency signs, colours, tags,
  fonts and sizes (``\text{}``, ``\mathbf{}``, ``\displaystyle``, ``\LARGE``, …), what surrounds all of it (braces,
  parentheses, brackets, quotation marks, the ``**`` of Markdown), a ``\therefore`` or ``\Rightarrow`` in front, a plus
  sign, leading zeros, a final period, comma, colon, semicolon, ``\\`` or check mark, and decimals that are all zero
  (``25.0``).
- An equation states its right side: ignored is everything up to the last ``=`` or ``\equiv`` that stands in no
  parenthesis, subscript or argument. But a list of equations (``x = 25, y = 3``) states no integer, and neither does a
  number under a condition (``25 \text{ when } n = 3``, ``25, n = 3``). So between a digit or another ``=`` and that
  last one there may be no comma (but of thousands), semicolon, colon, ``\mid``, dash, ``@``, ``\\`` or ``\quad``, no
  word that begins a clause, and in ``\text{}`` none but short units and ``mod``. ``<=`` and ``\not=`` are no equals
  signs, and what ``\iff``, ``\land`` and the like join are two statements.
- A label is ignored: a choice (``\text{(C) } 25``, ``C. 25``), words with a colon, "is" or "are"
  (``\text{Answer: } 25``, ``\text{The remainder is } 25``), or words like "answer" or "USD" alone.
- Thousands may be set off in groups of three digits by comma, ``{,}``, ``\,`` or another space. So ``1,024`` and
  ``250,260`` are one number each, while ``1,02`` and ``3, 5`` are none.
- Minus is ``-`` or one of Unicode's signs for it; digits may be of any script, but superscripts are no digits.
- What may follow the number is :mod:`tasks.units`'s to say.

More than 2,000 characters, or 18 digits after the leading zeros, are no integer.
"""

import re
from collections.abc import Sequence

from tasks.latex import Token, tokens
from tasks.units import may_follow
from tasks.words import LABEL, SHORT, begins_clause, changes

MAX_CHARACTERS = 2000
MAX_DIGITS = 18
# Nearly all answers are so; the rule reads them alike, in twenty times the time.
_PLAIN = re.compile(r"0*([0-9]{1,18})")
_CHOICE = re.compile(r"(?:\( )?[a-j] [).:](?: :)?")
_OPENING, _CLOSING = "([{", ")]}"
_WRAPS = dict(zip("([{“‘«「『【*`\"'", ")]}”’»」』】*`\"'", strict=True))
_BEFORE = frozenset(("\\", "therefore", "implies", "Rightarrow", "⇒", "∴"))
_AFTER = frozenset(("\\", *".,;:✓✔✅■∎", "checkmark", "blacksquare", "qed"))
_PARTS = frozenset(
    (*",;:\\@—∵∧⇔⇐", "mid", "vert", "colon", "iff", "impliedby", "because", "land", "wedge", "forall", "ni")
)
_PARTS |= {"Leftrightarrow", "Leftarrow"}


def read_integer(content: str) -> int | None:
    """The integer that boxed ``content`` states by the rule of this module, or None."""
    if len(content) > MAX_CHARACTERS:
        return None
    if plain := _PLAIN.fullmatch(content):
        return int(plain[1])
    seen = _right_side(_unwrapped(_trimmed(list(tokens(content)))))
    if seen is None:
        return None
    seen = _unwrapped(_without_label(_trimmed(seen)))
    negative = bool(seen) and seen[0].text == "-"
    if seen and seen[0].text in ("-", "+"):
        seen = seen[1:]
    digits, size = _digits(seen)
    if size == 0 or len(digits) > MAX_DIGITS:
        return None
    value = -int(digits) if negative else int(digits)
    return value if may_follow(seen[size:], value) else None


def _trimmed(seen: Sequence[Token]) -> Sequence[Token]:
    """Without line ends and "therefore" at the beginning, and without punctuation at the end."""
    start, end = 0, len(seen)
    while start < end and seen[start].text in _BEFORE:
        start += 1
    while start < end and seen[end - 1].text in _AFTER:
        end -= 1
    return seen[start:end]


def _unwrapped(seen: Sequence[Token]) -> Sequence[Token]:
    """Without the parentheses, brackets, quotation marks or stars around all of it."""
    while len(seen) > 1 and _WRAPS.get(seen[0].text) == seen[-1].text:
        opening, closing, depth = seen[0].text, seen[-1].text, 0
        for token in seen[:-1]:
            depth += (token.text == opening) - (token.text == closing)
            if depth == 0 and opening != closing:
                return seen
        seen = _trimmed(seen[1:-1])
    return seen


def _right_side(seen: Sequence[Token]) -> Sequence[Token] | None:
    """What follows the last equals sign, all where there is none, or None for a list and for a condition."""
    depth, number_before, ends, last = 0, False, False, -1
    for index, token in enumerate(seen):
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth or token.nested:
            continue
        if token.text == "=":
            if ends:
                return None
            last, number_before = index, True
        elif number_before:
            ends = ends or (_ends_the_expression(token) and not _groups_digits(seen, index))
        else:
            number_before = token.kind == "digits"
    return seen[last + 1 :]


def _ends_the_expression(token: Token) -> bool:
    word = token.text.casefold()
    if token.kind == "word":
        return begins_clause(word) or (token.in_text and word not in SHORT and word not in ("mod", "pmod"))
    return token.text in _PARTS


def _groups_digits(seen: Sequence[Token], index: int) -> bool:
    """Whether the token at ``index`` is a comma that sets off thousands."""
    if index >= len(seen):
        return False
    around = (*seen[index - 1 : index], *seen[index + 1 : index + 2])
    return (
        seen[index].text == ","
        and [one.kind for one in around] == ["digits", "digits"]
        and not (seen[index].spaced or around[1].spaced)
        and len(around[1].text) == 3
    )


def _without_label(seen: Sequence[Token]) -> Sequence[Token]:
    start = next((index for index, token in enumerate(seen) if token.kind == "digits"), 0)
    start -= start > 0 and seen[start - 1].text in ("-", "+")
    return seen[start:] if _is_label(seen[:start]) else seen


def _is_label(before: Sequence[Token]) -> bool:
    seen = [token for token in before if token.text != "\\" and not (token.in_text and token.text == ",")]
    spelt = [token.text.casefold() for token in seen]
    if _CHOICE.fullmatch(" ".join(spelt)):
        return True
    words = spelt[:-1] if spelt[-1:] in ([":"], ["is"], ["are"], ["."]) else spelt
    if not words or not all(word.isalpha() for word in words):
        return False
    if spelt[-1] not in (":", "is", "are"):
        return all(word in LABEL for word in words)
    return not any(begins_clause(word) or changes(word, directly=True) for word in words)


def _digits(seen: Sequence[Token]) -> tuple[str, int]:
    """The digits that ``seen`` begins with, without leading zeros, and how many tokens they take: 0 for none."""
    if not (seen and seen[0].kind == "digits"):
        return "", 0
    groups, size = [seen[0].text], 1
    step = 2 if _groups_digits(seen, 1) else 1
    while len(groups[0]) <= 3 and _is_group(seen, size, step):
        groups.append(seen[size + step - 1].text)
        size += step
    if seen[size : size + 1] and seen[size].text == "." and not seen[size].spaced:
        size += 1
        if seen[size : size + 1] and seen[size].kind == "digits" and not seen[size].spaced:
            if seen[size].text.strip("0"):
                return "", 0
            size += 1
    return "".join(groups).lstrip("0") or "0", size


def _is_group(seen: Sequence[Token], index: int, step: int) -> bool:
    if step == 2:
        return _groups_digits(seen, index)
    here = seen[index : index + 1]
    return bool(here) and here[0].kind == "digits" and here[0].spaced and len(here[0].text) == 3
