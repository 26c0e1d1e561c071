"""Rows of public sets of programming problems, in one form.

- HumanEval, and HumanEval+ as the hub has it (``evalplus/humanevalplus``): ``prompt``, ``entry_point``, ``test``, and
  as the reference ``canonical_solution``.
- MBPP, whole or sanitized, and MBPP+ as the hub has it (``evalplus/mbppplus``): ``text`` or ``prompt``, ``test_list``,
  and as the reference ``code``; ``test``, by which is graded in the place of ``test_list``; ``test_setup_code``,
  ``test_imports``. The name of the function stands in the tests alone, so the prompt shows them: those of MBPP itself
  are the ones that are graded by, and a program may pass that knows nothing else. Those of MBPP+ are not.
"""

import ast
import builtins
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

# Of one comprehension; they may stand within each other.
_MOST_LOOPS = 100


def translated(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row as ``id`` and ``solution`` (each None without one), ``problem``, ``functions``, ``given``, ``tests``.

    None where it is of another kind.

    Raises:
        ValueError: it is of one of these kinds, and lacks something; or it has no answer of its own either.
    """
    if "answer" in fields:
        return None
    if "test_list" in fields:
        return _of_mbpp(fields)
    if "entry_point" in fields:
        return _of_humaneval(fields)
    # An answer has several names, final_answer say.
    if not any("answer" in name for name in fields):
        raise ValueError(
            f"no column for tests; found: {', '.join(fields)[:200] or 'none'}; allowed: answer, or HumanEval's prompt, "
            "entry_point and test, or MBPP's text or prompt and test_list"
        )
    return None


def _of_humaneval(fields: Mapping[str, Any]) -> dict[str, Any]:
    if "test" not in fields and "plus_input" in fields:
        raise ValueError("inputs without tests, EvalPlus' own form; allowed is the hub's, which has them in 'test'")
    prompt, name, tests = (_text(fields, key) for key in ("prompt", "entry_point", "test"))
    if not name.isidentifier():
        raise ValueError(f"'entry_point' is {name[:80]!r}; it must be the name of a function")
    for key, code in (("prompt", prompt), ("test", tests)):
        _check_python(code, key)
    return {
        "id": _name(fields),
        "problem": prompt,
        "functions": [name],
        "given": prompt,
        "tests": f"{tests}\n\ncheck({name})\n",
        "solution": _optional(fields, "canonical_solution"),
    }


def _of_mbpp(fields: Mapping[str, Any]) -> dict[str, Any]:
    shown = _lines(fields, "test_list")
    if not shown:
        raise ValueError("'test_list' is empty; needed is at least one test, which names the function")
    before = "\n".join([*_lines(fields, "test_imports"), _optional(fields, "test_setup_code") or ""])
    solution = _optional(fields, "code")
    functions = _called(shown, before, solution)
    tests = _optional(fields, "test") or "\n".join(shown)
    _check_python(tests, "test")
    asked = _text(fields, "text" if _optional(fields, "text") is not None else "prompt").strip()
    return {
        "id": _name(fields),
        "problem": "\n".join([asked, "", "Your program should pass these tests:", "", *shown]),
        "functions": functions,
        "given": "",
        "tests": f"{before}\n{tests}\n",
        "solution": solution,
    }


def _called(tests: Iterable[str], before: str, solution: str | None) -> list[str]:
    """The functions that ``tests`` call and a program has to define: of those, a solution defines all."""
    code = _parsed("\n".join(tests), "test_list")
    calls = [node.func.id for node in ast.walk(code) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    known = {*vars(builtins), *_defined(_parsed(before, "test_setup_code"))}
    names = [name for name in dict.fromkeys(calls) if name not in known]
    if solution is not None:
        defined = _defined(_parsed(solution, "code"))
        # A function may have the name of one of Python's own.
        names = [name for name in dict.fromkeys(calls) if name in defined]
    if not names:
        raise ValueError("'test_list' calls no function that a program could define")
    return names


def _defined(code: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in code.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return names


def _parsed(code: str, key: str) -> ast.Module:
    _check_python(code, key)
    return ast.parse(code)


def _check_python(code: str, key: str) -> None:
    if (said := why_no_python(code)) is not None:
        raise ValueError(f"{key!r} is no Python ({said})")


# A row is read several times, and tests can be long.
@lru_cache(maxsize=1024)
def why_no_python(code: str) -> str | None:
    """What Python has to say against ``code``, and in which line; None where it is well-formed."""
    try:
        # The compiler of what is too long a comprehension overflows its stack, and takes the process along.
        if code.count("for") > _MOST_LOOPS and any(
            len(node.generators) > _MOST_LOOPS
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)
        ):
            return f"a comprehension with more than {_MOST_LOOPS} loops"
        compile(code, "code", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}" if error.lineno else str(error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return None


def _name(fields: Mapping[str, Any]) -> str | None:
    found = [fields[key] for key in ("task_id", "id", "problem_id", "question_id") if fields.get(key) is not None]
    return str(found[0]) if found else None


def _text(fields: Mapping[str, Any], key: str) -> str:
    found = _optional(fields, key)
    if found is None:
        raise ValueError(f"{key!r} is missing or empty; needed is text")
    return found


def _optional(fields: Mapping[str, Any], key: str) -> str | None:
    value = fields.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is {str(value)[:80]!r}; it must be text")
    return value


def _lines(fields: Mapping[str, Any], key: str) -> list[str]:
    value = fields.get(key)
    listed = [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
    if not all(isinstance(one, str) for one in listed):
        raise ValueError(f"{key!r} must be a list of texts")
    return listed
