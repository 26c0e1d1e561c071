r"""Problems that ask what each of several persons is: knights and knaves.

The answer names every person once, with the word for what he or she is: ``Ann is a knight, Ben is a knave``. The order
does not matter, and neither do articles, "and", ``Ann: knight``, ``Ann (knight)`` or the like, the numbers or marks of
a list with a line each, ``\begin{cases}…\end{cases}``, or a "so" or "therefore" in front. A response is right if its
box says of just these persons just this; there is no credit for some of them. A statement that is none of these ("Ann
is not a knight"), or a person who stands there twice, makes it answered and wrong.
"""

import re

from tasks.base import Task
from tasks.boxes import boxed_answer
from tasks.characters import shortened
from tasks.plain_text import MAX_CHARACTERS, plain

_LINE_END = re.compile(r"\n|\\\\|\\(?:begin|end)\s*\{[a-z*]{1,20}\}")
_ITEM = re.compile(r"^(?:[-•]|\\(?:bullet|item)(?![a-z])|[0-9]{1,3}[.)]) *")
# A person may be called So.
_HENCE = re.compile(r"^(?:so|thus|therefore|hence|\\therefore|∴)(?:,| (?!is |[-:=(]))")
_BETWEEN = re.compile(r"[,;&]|\.(?: |$)|\band\b")
_STATEMENT = re.compile(r"([^:=]+?)(?: is | ?[:=] ?| - )(?:an? |the )?([^ :=]+)")
_ASIDE = re.compile(r"([^:=()]+?) ?\((?:an? |the )?([^ :=()]+)\)")


class Roles(Task):
    """Who is what, each person once."""

    name = "roles"
    domain = "logic"
    instruction = (
        "Please reason step by step, and say within \\boxed{} who is what, each person once, in the words of the "
        "problem: \\boxed{… is a …, … is a …}."
    )

    def extract(self, response: str) -> str | None:
        """The boxed statements as :meth:`normalise` has them, else what is boxed, shortened, else None."""
        content = boxed_answer(response)
        if content is None:
            return None
        return _stated(content) or shortened(content.strip())

    def normalise(self, answer: str) -> str:
        """``'Ben is a knave, and Ann is a knight.'`` to ``'ann is knight, ben is knave'``.

        Raises:
            ValueError: it is no such list.
        """
        stated = _stated(answer)
        if stated is None:
            raise ValueError(
                f"answer {shortened(answer)!r} does not say who is what, each person once: "
                "needed is 'Ann is a knight, Ben is a knave'"
            )
        return stated


def _stated(content: str) -> str | None:
    if len(content) > MAX_CHARACTERS:
        return None
    text = ", ".join(line for part in _LINE_END.split(content) if (line := _ITEM.sub("", plain(part))))
    roles: dict[str, str] = {}
    for part in _BETWEEN.split(_HENCE.sub("", text)):
        if part := part.strip(" .*`\"'"):
            statement = _STATEMENT.fullmatch(part) or _ASIDE.fullmatch(part)
            if statement is None or (person := statement[1].strip(" *`\"'")) in roles:
                return None
            roles[person] = statement[2]
    return ", ".join(f"{person} is {role}" for person, role in sorted(roles.items())) or None
