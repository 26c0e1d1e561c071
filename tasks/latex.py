"""The content of a box as tokens: what can be seen of it, without what only sets it in type."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from tasks.characters import in_ascii

Kind = Literal["digits", "word", "sign", "command"]


class Token(NamedTuple):
    r"""One thing to be read.

    Attributes:
        kind: of it.
        text: a number's digits, a word, one character, or a command's name. ``=`` stands for ``\equiv`` too, ``°`` for
            ``\circ`` and its like, ``mod`` for ``\pmod`` and its like, and ``\`` for what parts a line in two:
            ``\\``, ``\quad``, ``&``, an empty line, a box.
        spaced: whether space stands before it.
        in_text: whether it stands in ``\text{}`` or its like.
        nested: whether it stands in a subscript, an exponent, or the argument of a command that is not known here.
    """

    kind: Kind
    text: str
    spaced: bool = False
    in_text: bool = False
    nested: bool = False


_LEXICON = re.compile(
    r"(?P<comma>(?:\\text\s*|\\mathord\s*)?\{,\})"
    r"|(?P<dropped>\\(?:fcolorbox\s*\{[^{}]*\}|(?:text|math|page)?color(?:box)?|[hv]?phantom|vspace\*?|label|tag)"
    r"\s*(?:\[[^][]*\]\s*)?\{[^{}]*\}|\\(?:begin|end)\s*\{(?:align(?:ed)?|gather(?:ed)?|split|equation)\*?\})"
    r"|(?P<wide>\\\\|&|\\(?:q?quad|newline|linebreak|par|hfill?|boxed|fbox)(?![A-Za-z])|\\hspace\*?\s*\{[^{}]*\}"
    r"|[^\S\n]*\n\s*\n)"
    r"|(?P<space>\s+|~|\\[ ,;:>]|\\(?:(?:thin|med|thick|en)?space)(?![A-Za-z]))"
    r"|(?P<font>\$|\\[$()\[\]!]|\\(?:left|right|[bB]igg?[lrm]?|(?:display|text|script)style|boldsymbol"
    r"|bm|pmb|underline|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|bf|rm|it|sf"
    r"|tt|bfseries|itshape|boldmath|centering|ensuremath|smash|uline|strut|relax|null|nonumber"
    r"|notag|num|ang|qty|SI|math(?:bf|it|sf|tt|normal|bb|cal|strut|ord|op|inner))(?![A-Za-z]))"
    r"|(?P<text>\\(?:text(?:bf|it|rm|sf|tt|up|md|sc|sl|normal)?|mathrm|emph|[mh]box|operatorname\*?|si|unit)(?![A-Za-z]))"
    r"|(?P<relation>[<>!]=|\.{3}|\\not\s*(?:=|\\equiv(?![A-Za-z])))"
    r"|\\(?P<command>[A-Za-z]+)"
    r"|(?P<brace>[{}])"
    r"|(?P<digits>[0-9]+)"
    r"|(?P<word>[^\W\d_²³]+)"
    r"|\\(?P<escaped>.)"
    r"|(?P<sign>.)",
    re.S,
)
_COMMANDS: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(("circ", "degree", "textdegree"), ("sign", "°")),
    "equiv": ("sign", "="),
    **dict.fromkeys(("pmod", "pod"), ("word", "pmod")),
    **dict.fromkeys(("bmod", "mod"), ("word", "mod")),
}


def tokens(content: str) -> Iterator[Token]:
    """The tokens of ``content``, in time linear in its length."""
    groups: list[str] = []
    depth = Counter[str]()
    # What a brace would open here, whether that is a script, and whether space was seen.
    opens, script, spaced = "group", False, False
    for match in _LEXICON.finditer(in_ascii(content)):
        name = str(match.lastgroup)
        text = match[name]
        if name == "space":
            spaced = True
        elif name in ("dropped", "font", "text"):
            opens = "nested" if script else "text" if name == "text" else "group"
        elif text == "{" and name == "brace":
            groups.append(opens)
            depth[opens] += 1
            opens, script = "group", False
        elif name == "brace":
            closed = groups.pop() if groups else "group"
            depth[closed] -= 1
            # \frac has two arguments. And digits that braces part are two numbers.
            opens, spaced = "nested" if closed == "nested" else "group", True
            script = False
        else:
            kind, text = _read(name, text)
            yield Token(kind, text, spaced, depth["text"] > 0, depth["nested"] > 0)
            script, spaced = text in ("_", "^"), False
            opens = "nested" if script or kind == "command" or text in ("pmod", "mod") else "group"


def _read(name: str, text: str) -> tuple[Kind, str]:
    if name == "command":
        return _COMMANDS.get(text, ("command", text))
    if name == "wide":
        return "sign", "\\"
    if name == "comma":
        return "sign", ","
    if name == "relation":
        return "command", text
    if name == "digits":
        return "digits", text
    if name == "word" and text.isalpha():
        return "word", text
    return "sign", text
