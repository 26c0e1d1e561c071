r"""The content of a box as plain text: ``\text{**Yes**.}`` is ``yes``.

Taken away are what only sets it in type (fonts, sizes, colours and frames of LaTeX, braces, ``$`` in pairs, ``\(…\)``,
the ``**`` of Markdown), format characters, the label "Answer:" or "The answer is", quotation marks, stars and one pair
of parentheses around all of it, and a final period, comma, colon, semicolon or exclamation mark. Space of any kind,
that of LaTeX too, is one space; a ``$`` of no pair is a dollar, as ``\$`` is, and a curly apostrophe is a straight one.
What is left is compared without regard to case, but with its accents and other marks, in whatever form Unicode has
them, and with the signs of currencies.
"""

import re
from unicodedata import normalize

from tasks.characters import in_one_form

#: A longer content is no short answer, and is not read.
MAX_CHARACTERS = 2000
# A pair before a digit is none: "$5 and $6".
_DOLLARS = re.compile(r"\\.|\$\$?(?P<inner>(?:[^$\\]|\\.)*)\$\$?(?![0-9$])|(?P<dollar>\$)", re.S)
_TYPE = re.compile(
    r"\\(?:text|page)?color\s*(?:\[[^][{}]*\]\s*)?\{[^{}]*\}"
    r"|\\(?:text(?:bf|it|rm|sf|tt|up|md|sc|sl|normal)?|math(?:rm|bf|it|sf|tt|normal)|emph|operatorname|boldsymbol|bm"
    r"|[mh]box|underline|boxed|fbox)\s*(?=\{)"
    r"|\\(?:displaystyle|textstyle|left|right|[bB]igg?[lr]?|tiny|scriptsize|footnotesize|small|normalsize|[lL]arge|LARGE"
    r"|[hH]uge|bf|bfseries|it|itshape|rm|sf|tt)(?![A-Za-z])"
    r"|\\[()\[\]]|\\?[{}]|\*\*"
)
_SPACE = re.compile(r"\\(?:[ ,;:!>\\]|q?quad(?![A-Za-z])|newline(?![A-Za-z]))|[\s~]+")
_ESCAPED = re.compile(r"\\([_%&#])")
_APOSTROPHES = str.maketrans("‘’ʼ", "'" * 3)
_AROUND = " *`\"'“”«»"
_AFTER = ".,:;!"
_LABEL = re.compile(r"^(?:the )?(?:final )?answer(?: ?: ?| is ?:? )")
_IN_PARENTHESES = re.compile(r"\(([^()]*)\)")


def plain(content: str) -> str:
    """``content`` as the rule of this module has it, in small letters; the empty text where it is too long."""
    if len(content) > MAX_CHARACTERS:
        return ""
    text = _DOLLARS.sub(_undollared, in_one_form(content))
    text = _ESCAPED.sub(r"\1", _SPACE.sub(" ", _TYPE.sub("", text)))
    text = normalize("NFC", " ".join(text.split()).translate(_APOSTROPHES).casefold())
    before = ""
    while text != before:
        before = text
        text = text.strip(_AROUND).rstrip(_AFTER + " ").strip(_AROUND)
        if inner := _IN_PARENTHESES.fullmatch(text):
            text = inner[1]
        text = _LABEL.sub("", text)
    return text


def _undollared(found: re.Match[str]) -> str:
    if found["dollar"]:
        return r"\$"
    return found[0] if found["inner"] is None else found["inner"]
