r"""How a program is found in a response.

1. Only what follows the last ``</think>`` counts (:func:`tasks.boxes.final_part`).
2. A fenced block is what Markdown takes for one: a line that begins, behind at most three spaces, with three or more
   backticks or tildes, the lines behind it, and a line of at least as many of the same and nothing else; one that is
   not closed ends with the response. Blocks that name a language other than Python are passed over. Its lines begin
   where its first one does, so that it may stand in a list; deeper than three spaces where no line of the response
   begins a program without.
3. **Of several the one counts that defines most of what is asked for**, at its outermost level rather than further in,
   and more of it than a signature; else one whose first line is indented, which continues a signature; else one that
   defines anything: one that calls it, tests it or shows what it prints is an example. Among equals the last one
   counts. Before one that neither defines nor continues what is asked for (where that is not known: defines nothing)
   go a continuation (4) in front of it and a program without a fence (5) that does.
4. A response without any is the *continuation* of a signature that the prompt has given, where its first line is
   indented (and it is Python, if there is other code): as far as its lines are, are empty, comments, lie within a
   string, or begin with a closing bracket.
5. Else it is a program from the first line on that begins, without a space before it, with a definition, an import, a
   constant or ``try``, as far as its lines are Python, which no fence is. All else is no program.
"""

import ast
import io
import re
import textwrap
from collections.abc import Collection
from itertools import islice
from operator import itemgetter

from tasks.boxes import final_part

_FENCE = re.compile(r"(?P<space> *)(?P<marks>`{3,}(?!.*`)|~{3,})[ \t]*(?P<language>[^\s`{:]*)")
_PYTHON = frozenset(("", "python", "py", "python3", "py3", "python2", "pycon", "ipython"))
_SHALLOW = 3
# How often what is no Python is cut off an end, and another beginning is tried; and the longest text, in characters,
# that is read as Python: that may take memory by the square of its length.
_TRIES, _LONGEST = 3, 2**14
_DEFINITION = re.compile(
    r"^(?P<space>[ \t]*)(?:(?:async[ \t]+def|def|class)[ \t]+(?P<name>\w+)|(?P<variable>\w+)[ \t]*(?::[^=\n]*)?=(?!=))",
    re.MULTILINE,
)
# Of several lines, or of one.
_LONG_STRING = re.compile(r"('''|\"\"\").*?\1", re.DOTALL)
_LINE_END = re.compile(r"\r\n?|\n")
_BEGINNING = re.compile(
    r"^(?:(?:async[ \t]+def|def)[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:]|@\w"
    r"|import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import[ \t]|[A-Z_][A-Z_\d]+[ \t]*=(?!=)|try:[ \t]*$)",
    re.MULTILINE,
)


def program(response: str, names: Collection[str] = ()) -> str | None:
    """The program that ``response`` states, or the continuation of one, by the rule above; None without either.

    Args:
        response: as a model wrote it.
        names: of the functions and classes that are asked for, where that is known.
    """
    text = final_part(response)
    beginnings = [found.start() for found in islice(_BEGINNING.finditer(text), _TRIES)]
    blocks = fenced(text) or ([] if beginnings else fenced(text, deepest=len(text)))
    ranked = [(_worth(block, names), block) for block in reversed(blocks)]
    worth, best = max(ranked, key=itemgetter(0), default=(_worth("", names), None))
    if best is not None and _is_asked_for(worth, names):
        return _outermost(best, names) if _is_indented(best) else best
    if continued := _continuation(text, among_others=bool(beginnings) or best is not None):
        return continued
    unfenced = _unfenced(text, beginnings)
    better = unfenced is not None and _is_asked_for(_worth(unfenced, names), names)
    return unfenced if best is None or better else best


def _outermost(block: str, names: Collection[str]) -> str:
    """An indented ``block``, or what it is without its indentation where it continues nothing."""
    code, _ = _parsed(shallow := textwrap.dedent(block))
    defines = any(_worth(shallow, names)[:1]) and not any(isinstance(one, ast.Return) for one in code)
    return shallow if defines else block


def _continuation(text: str, among_others: bool) -> str | None:
    """What goes on with a signature at the beginning of ``text``, in which there are definitions or blocks, or not."""
    lines = _lines(text)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None or not _is_indented(lines[first]):
        return None
    # Within a string they begin as they like.
    shown = _lines(_LONG_STRING.sub(lambda string: _LINE_END.sub(r"\g<0> ", string[0]), text))
    ends = (number for number, line in enumerate(shown) if number > first and line.strip() and line[0] not in " \t#)]}")
    found = "".join(lines[first : next(ends, len(lines))])
    # Prose, too, may begin behind a space.
    if among_others and not _parsed(f"def f():\n{found}")[0]:
        return None
    return found if any(line.strip() and not line.lstrip().startswith("#") for line in _lines(found)) else None


def _unfenced(text: str, beginnings: Collection[int]) -> str | None:
    """The first program that begins at one of these places of ``text``, or the first beginning with all behind it."""
    for beginning in beginnings:
        rest = text[beginning:]
        # Python names a quotation mark that is not closed before what is wrong above it.
        for _ in range(_TRIES):
            _, error = _parsed(rest)
            if error is not None:
                rest = "".join(_lines(rest)[: error - 1])
        if rest:
            return rest
    return next((text[beginning:] for beginning in beginnings), None)


def _lines(text: str) -> list[str]:
    """Of ``text``, with their ends, as Markdown and Python have them; texts know more ends of lines."""
    return list(io.StringIO(text, newline=""))


def _is_indented(text: str) -> bool:
    return text.lstrip("\r\n").startswith((" ", "\t"))


def _parsed(code: str) -> tuple[list[ast.stmt], int | None]:
    """The statements of ``code``, or the line, from 1, in which it is no Python; 1, too, where it is too long."""
    if len(code) > _LONGEST:
        return [], 1
    try:
        return ast.parse(code).body, None
    except SyntaxError as error:
        return [], error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return [], 1


def _worth(block: str, names: Collection[str]) -> tuple[int, int, bool, bool]:
    """By what the blocks of a response are compared, by the third rule above."""
    found = list(_DEFINITION.finditer(block))
    outermost = {one["name"] or one["variable"] for one in found if not one["space"]}
    inner = {one["name"] for one in found if one["space"] and one["name"]}
    whole = not _is_signature(block)
    return (
        len(outermost.intersection(names)) if whole else 0,
        len(inner.intersection(names)) if whole else 0,
        bool(names) and _is_indented(block),
        any(one["name"] and not one["space"] for one in found),
    )


def _is_asked_for(worth: tuple[int, int, bool, bool], names: Collection[str]) -> bool:
    return any(worth[:3]) if names else worth[3]


def _is_signature(block: str) -> bool:
    """Whether all that a block has are functions without anything in them, or the first line of one."""
    lines = [line for line in _lines(block) if line.strip()]
    if len(lines) == 1 and lines[0].rstrip().endswith(":"):
        return True
    code, error = _parsed(block)
    bodies = [one.body for one in code if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return error is None and len(bodies) == len(code) and all(_is_nothing(line) for body in bodies for line in body)


def _is_nothing(line: ast.stmt) -> bool:
    return isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))


def fenced(text: str, deepest: int = _SHALLOW) -> list[str]:
    """The contents of the blocks of ``text`` that may be Python and are not blank, in their order.

    Args:
        text: of a response.
        deepest: spaces that a block may begin behind.
    """
    blocks: list[str] = []
    marks, language, indent, block = "", "", 0, list[str]()
    for line in [*_lines(text), None]:
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
