r"""The content of a box as plain text: ``\text{**Yes**.}`` is ``yes``.

Taken away are what only sets it in type (fonts and frames of LaTeX, braces, ``$``, ``\(…\)``, the ``**`` of Markdown),
format characters, quotation marks and stars around all of it, and a final period, comma, semicolon or exclamation mark.
Space of any kind, that of LaTeX too, is one space. What is left is compared without regard to case.
"""

import re

from tasks.characters import in_ascii

#: A longer content is no short answer, and is not read.
MAX_CHARACTERS = 2000
_TYPE = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|up|normal)?|math(?:rm|bf|it|sf|tt|normal)|emph|[mh]box|underline|boxed|fbox)\s*(?=\{)"
    r"|\\[()\[\]]|\\?[{}$]|\*\*|\\(?:display|text)style(?![A-Za-z])"
)
_SPACE = re.compile(r"\\(?:[ ,;:!>\\]|q?quad(?![A-Za-z])|newline(?![A-Za-z]))|[\s~]+")
_ESCAPED = re.compile(r"\\([_%&#])")
_AROUND = " *`\"'“”‘’«»"
_AFTER = ".,;!"


def plain(content: str) -> str:
    """``content`` as the rule of this module has it, in small letters; the empty text where it is too long."""
    if len(content) > MAX_CHARACTERS:
        return ""
    text = _ESCAPED.sub(r"\1", _SPACE.sub(" ", _TYPE.sub("", in_ascii(content))))
    text = " ".join(text.split()).casefold()
    return text.strip(_AROUND).rstrip(_AFTER + " ").strip(_AROUND)
