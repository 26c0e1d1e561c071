r"""How a program is found in a response.

1. Only what follows the last ``</think>`` counts (:func:`tasks.boxes.final_part`).
2. A fenced block is what Markdown takes for one: a line that begins, behind at most three spaces, with three or more
   backticks or tildes, the lines behind it, and a line of at least as many of the same and nothing else; one that is
   not closed ends with the response. Blocks that name a language other than Python are passed over.
3. **The last block counts that defines a function or class at its outermost level**: one that calls it, or shows what
   it prints, is an example. Where none does, the last block counts.
4. A response without any is a program from the first line on that begins, without a space before it, with a
   definition or an import. Without such a line it is the *continuation* of a signature that the prompt has given, where
   its first line is indented: as far as its lines are, or are empty. Anything else is no program.
"""

import re

from tasks.boxes import final_part

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}(?!.*`)|~{3,})[ \t]*(?P<language>[^\s`{]*)")
_PYTHON = frozenset(("", "python", "py", "python3", "py3", "python2", "pycon", "ipython"))
_DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+\w", re.MULTILINE)
_BEGINNING = re.compile(
    r"^(?:(?:async[ \t]+def|def)[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:]|@\w"
    r"|import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import[ \t])",
    re.MULTILINE,
)


def program(response: str) -> str | None:
    """The program that ``response`` states, or the continuation of one, by the rule above; None without either."""
    text = final_part(response)
    if blocks := fenced(text):
        return next((block for block in reversed(blocks) if _DEFINITION.search(block)), blocks[-1])
    if found := _BEGINNING.search(text):
        return text[found.start() :]
    lines = text.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None or lines[first][0] not in " \t":
        return None
    last = next((n for n in range(first, len(lines)) if lines[n].strip() and lines[n][0] not in " \t"), len(lines))
    return "".join(lines[first:last])


def fenced(text: str) -> list[str]:
    """The contents of the blocks of ``text`` that may be Python and are not blank, in their order."""
    blocks: list[str] = []
    marks, language, block = "", "", list[str]()
    for line in [*text.splitlines(keepends=True), None]:
        fence = None if line is None else _FENCE.match(line)
        if not marks:
            if fence is not None:
                marks, language, block = fence["marks"], fence["language"].lower(), []
        elif line is None or (fence is not None and _closes(line, fence["marks"], marks)):
            if language in _PYTHON and "".join(block).strip():
                blocks.append("".join(block))
            marks = ""
        else:
            block.append(line)
    return blocks


def _closes(line: str, found: str, opened: str) -> bool:
    return found[0] == opened[0] and len(found) >= len(opened) and line.strip() == found
