r"""How a program is found in a response.

1. Only what follows the last ``</think>`` counts (:func:`tasks.boxes.final_part`).
2. A fenced block is what Markdown takes for one: a line that begins, behind at most three spaces, with three or more
   backticks or tildes, the lines behind it, and a line of at least as many of the same and nothing else; one that is
   not closed ends with the response. Blocks that name a language other than Python are passed over. Its lines begin
   where its first one does, so that it may stand in a list; deeper than three spaces where no line of the response
   begins a program without.
3. **Of several the one counts that defines most of what is asked for**, at its outermost level rather than further in;
   else one whose first line is indented, which continues a signature; else one that defines anything: one that calls
   it, tests it or shows what it prints is an example. Among equals the last one counts. Where it is known what is asked
   for and none defines it, a continuation (4) in front of them goes before.
4. A response without any is the *continuation* of a signature that the prompt has given, where its first line is
   indented (by more than a space, if there is other code): as far as its lines are, are empty, comments, lie within a
   string, or begin with a closing bracket. Else it is a program from the first line on that begins, without a space
   before it, with a definition or an import. All else is no program.
"""

import contextlib
import re
import tokenize
from collections.abc import Collection, Sequence

from tasks.boxes import final_part

_FENCE = re.compile(r"(?P<space> *)(?P<marks>`{3,}(?!.*`)|~{3,})[ \t]*(?P<language>[^\s`{:]*)")
_PYTHON = frozenset(("", "python", "py", "python3", "py3", "python2", "pycon", "ipython"))
_SHALLOW = 3
_DEFINITION = re.compile(
    r"^(?P<space>[ \t]*)(?:(?:async[ \t]+def|def|class)[ \t]+(?P<name>\w+)|(?P<variable>\w+)[ \t]*(?::[^=\n]*)?=(?!=))",
    re.MULTILINE,
)
_BEGINNING = re.compile(
    r"^(?:(?:async[ \t]+def|def)[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:]|@\w"
    r"|import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import[ \t])",
    re.MULTILINE,
)


def program(response: str, names: Collection[str] = ()) -> str | None:
    """The program that ``response`` states, or the continuation of one, by the rule above; None without either.

    Args:
        response: as a model wrote it.
        names: of the functions and classes that are asked for, where that is known.
    """
    text = final_part(response)
    found = _BEGINNING.search(text)
    blocks = fenced(text) or ([] if found else fenced(text, deepest=len(text)))
    best = max(reversed(blocks), key=lambda block: _worth(block, names), default=None)
    if best is not None and (not names or any(_worth(best, names)[:2])):
        return best
    if continued := _continuation(text, among_others=found is not None or best is not None):
        return continued
    return best if best is not None or found is None else text[found.start() :]


def _continuation(text: str, among_others: bool) -> str | None:
    """What goes on with a signature at the beginning of ``text``, in which there are definitions or blocks, or not."""
    lines = text.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    # Prose, too, may begin behind a space.
    if first is None or not lines[first].startswith(("  ", "\t") if among_others else (" ", "\t")):
        return None
    within = _within_strings(lines)
    ends = (
        number
        for number, line in enumerate(lines)
        if number > first and line.strip() and line[0] not in " \t#)]}" and number not in within
    )
    found = lines[first : next(ends, len(lines))]
    return "".join(found) if any(line.strip() and not line.lstrip().startswith("#") for line in found) else None


def _within_strings(lines: Sequence[str]) -> set[int]:
    """The numbers, from 0, of the lines that a string begins before."""
    within: set[int] = set()
    # It is read as far as it is Python; prose need not be.
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if token.type == tokenize.STRING:
                within.update(range(token.start[0], token.end[0]))
    return within


def _worth(block: str, names: Collection[str]) -> tuple[int, int, bool, bool]:
    """By what the blocks of a response are compared, by the third rule above."""
    found = list(_DEFINITION.finditer(block))
    outermost = {one["name"] or one["variable"] for one in found if not one["space"]}
    inner = {one["name"] for one in found if one["space"] and one["name"]}
    continues = bool(names) and block.lstrip("\r\n")[:1] in (" ", "\t")
    return (
        len(outermost.intersection(names)),
        len(inner.intersection(names)),
        continues,
        any(one["name"] and not one["space"] for one in found),
    )


def fenced(text: str, deepest: int = _SHALLOW) -> list[str]:
    """The contents of the blocks of ``text`` that may be Python and are not blank, in their order.

    Args:
        text: of a response.
        deepest: spaces that a block may begin behind.
    """
    blocks: list[str] = []
    marks, language, indent, block = "", "", 0, list[str]()
    for line in [*text.splitlines(keepends=True), None]:
        fence = None if line is None else _FENCE.match(line)
        space = len(fence["space"]) if fence is not None else 0
        if not marks:
            if fence is not None and space <= deepest:
                marks, language, indent, block = fence["marks"], fence["language"].lower(), space, []
        elif line is None or (
            fence is not None and space <= indent + _SHALLOW and _closes(line, fence["marks"], marks)
        ):
            if language in _PYTHON and "".join(block).strip():
                blocks.append(_dedented(block, indent).removeprefix("\ufeff"))
            marks = ""
        else:
            block.append(line)
    return blocks


def _dedented(lines: list[str], indent: int) -> str:
    """The text of a block without the spaces that its fence and its first line have in common."""
    most = min(indent, next(_spaces(line) for line in lines if line.strip()))
    return "".join(line[min(most, _spaces(line)) :] for line in lines)


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _closes(line: str, found: str, opened: str) -> bool:
    return found[0] == opened[0] and len(found) >= len(opened) and line.strip() == found
