r"""How an answer is found that a response puts in a box; every reader of boxes, in training and evaluation, asks here.

1. Only what follows the last ``</think>`` counts; a response without one counts as a whole. A box in the thoughts
   alone is no answer.
2. A box is a *balanced* ``\boxed{…}`` or ``\fbox{…}``: braces nest, ``\{`` and ``\}`` are not braces. One that never
   closes is none, and ``\boxed 25`` is none either: TeX boxes its first digit.
3. Of several boxes the one that closes last counts. Placeholders are passed over, since they restate the instruction
   ("I have put it within ``\boxed{}``"): boxes with nothing in them but space, dots, commas, question marks,
   underscores and the like, or words such as "answer", "your final answer here", "… is a …". A task of whose answers
   one is such a word (a choice's letter A) says which box is none.
"""

import re
from collections.abc import Callable

from tasks.characters import in_ascii
from tasks.words import PLACEHOLDER

_TOKEN = re.compile(r"\\(?P<box>boxed|fbox)\s*\{|\\\\(?!boxed|fbox)|\\[{}]|(?P<brace>[{}])")
_FILLER = re.compile(
    r"\\(?:[hv]?phantom|[hv]space\*?|rule\s*\{[^{}]*\})\s*\{[^{}]*\}"
    r"|\\(?:text(?:bf|it|rm|sf|tt|up|normal)?|math[a-z]+|emph|[mh]box|boxed|fbox|[lcdv]?dots[a-z]?|cdot|q?quad|square"
    r"|[Bb]ox|checkmark|qed|bigcirc|star|ast|bullet|blacksquare|underline|displaystyle|left|right|[lr]angle|space)(?![a-zA-Z])"
    r"|\\(?:[^a-zA-Z0-9]|$)|[\s{}()\[\]<>$~.,:…⋯?_*#□·✓✔✅]"
)
_LONGEST_PLACEHOLDER = 200


def final_part(response: str) -> str:
    """What follows the last ``</think>``, or the whole response where there is none."""
    return response.rpartition("</think>")[2]


def last_box(text: str, is_answer: Callable[[str], bool] = lambda content: False) -> str | None:
    """The content of the last box of ``text`` that is no placeholder, else of the last one, else None.

    ``is_answer`` says of which contents it is known that they are none. The time is linear in the length of the text,
    whatever the text, if that function's is linear in a content's.
    """
    begins = [place for place in (text.find("\\boxed"), text.find("\\fbox")) if place >= 0]
    if not begins:
        return None
    open_braces: list[tuple[int, bool]] = []
    closed: list[tuple[int, int]] = []
    # A brace before the first box closes none.
    for token in _TOKEN.finditer(text, min(begins)):
        if token["box"] or token["brace"] == "{":
            open_braces.append((token.end(), token["box"] is not None))
        elif token["brace"] and open_braces:
            start, is_box = open_braces.pop()
            if is_box:
                closed.append((start, token.start()))
    passed = len(text)
    for start, end in reversed(closed):
        # What stands inside a placeholder is one, too; looking at it again would take quadratic time.
        if end < passed:
            content = text[start:end]
            if is_answer(content) or not is_placeholder(content):
                return content
            passed = start
    return text[slice(*closed[-1])] if closed else None


def is_placeholder(content: str) -> bool:
    """Whether the ``content`` of a box, of no more than 200 characters, stands for an answer that is not there."""
    content = content.strip()
    if len(content) > _LONGEST_PLACEHOLDER:
        return False
    if content.isalnum() and not content.isalpha():
        return False
    return all(word in PLACEHOLDER for word in _FILLER.sub(" ", in_ascii(content)).lower().split())


def boxed_answer(response: str, is_answer: Callable[[str], bool] = lambda content: False) -> str | None:
    """The content of the box that answers, by the rule above, or None where there is none; as :func:`last_box`."""
    content = last_box(final_part(response), is_answer)
    return content if content is not None and (is_answer(content) or not is_placeholder(content)) else None
