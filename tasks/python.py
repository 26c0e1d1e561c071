"""Problems whose answer is a program: Python functions, graded by tests.

The reference answer is the tests, as JSON of these keys:

- ``functions``: the names of those that the tests call (at least one);
- ``tests``: Python code, in which these names stand for the program's functions; it ends without an exception where the
  program is right. ``same(a, b)`` is there to compare by type and value (:func:`tasks.sandbox.values.same`); numpy's
  ``allclose`` and ``assert_allclose`` want the same shape, too, and its other asserts find no empty array equal to a
  number (its ``isclose`` stretches one side);
- ``given``: code that the program goes on from, a signature with its documentation say, and that the tests may use; it
  stands before the program, so that a whole function takes the place of the one that it begins, and an indented body
  continues it;
- ``cpu_s``: seconds of a processor that the program may take for all tests, 1-600; 3 where it is not stated, which is
  what HumanEval's own runner gives, by the clock.

The rule by which a response is graded: the program is found as :mod:`tasks.fences` says, run as :mod:`tasks.sandbox`
says, and right if all tests pass. Programs that are the same are run once, as far back as a few hundred verdicts go.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Lock
from typing import Any

from tasks.base import Grade, Task
from tasks.fences import program
from tasks.program_rows import translated, why_no_python
from tasks.sandbox import Judge, Suite, Verdict

#: Where a problem states no other.
CPU_S = 3
_LONGEST_CPU_S = 600
# Characters of an answer, in ASCII: it has to cross into a box, and what is given beside a program.
_LONGEST = 2**21
_KEYS = {"functions", "tests", "given", "cpu_s"}
_REMEMBERED = 512


@functools.cache
def judge() -> Judge:
    """The one of this process."""
    return Judge()


def read_tests(answer: str) -> Suite:
    """What a reference answer says, in the form above.

    Raises:
        ValueError: it is none; the message, one line, says what is allowed.
    """
    if not isinstance(answer, str):
        raise ValueError(f"answer is a {type(answer).__name__}; it must be a text")
    return _read_tests(answer)


@functools.lru_cache(maxsize=1024)
def _read_tests(answer: str) -> Suite:
    try:
        stated = json.loads(answer)
    except (ValueError, RecursionError):
        stated = None
    if not isinstance(stated, dict) or not {"functions", "tests"} <= stated.keys() <= _KEYS:
        raise ValueError("answer is no tests: needed is JSON with functions, tests and, optionally, given and cpu_s")
    functions, code, cpu_s = stated["functions"], stated["tests"], stated.get("cpu_s", CPU_S)
    if not (isinstance(functions, list) and functions and all(isinstance(one, str) for one in functions)):
        raise ValueError("answer: functions must be a list of the names of one or more functions")
    for name in functions:
        if not name.isidentifier():
            raise ValueError(f"answer: functions: {name[:80]!r} is no name of a function")
    if isinstance(cpu_s, bool) or not isinstance(cpu_s, int) or not 1 <= cpu_s <= _LONGEST_CPU_S:
        raise ValueError(f"answer: cpu_s is {str(cpu_s)[:80]}; allowed are whole seconds from 1 to {_LONGEST_CPU_S}")
    given = stated.get("given", "")
    for key, text in (("tests", code), ("given", given)):
        if not isinstance(text, str) or (key == "tests" and not text.strip()):
            raise ValueError(f"answer: {key} must be Python code, as text")
        if (said := why_no_python(text)) is not None:
            raise ValueError(f"answer: {key} is no Python ({said})")
    suite = Suite(given, tuple(functions), code, cpu_s)
    if (size := len(write_tests(suite))) > _LONGEST:
        raise ValueError(f"answer has {size} characters as JSON; at most {_LONGEST} are allowed")
    return suite


def write_tests(tests: Suite) -> str:
    """The reference answer that says ``tests``."""
    return json.dumps(tests._asdict(), sort_keys=True)


class Python(Task):
    """Python functions; the policy is asked to reason, and to put its program in a fenced block."""

    name = "python"
    domain = "code"
    instruction = (
        "Please reason step by step, and put your final program, all of it with its imports, in a ```python block."
    )
    waits = True

    def require(self) -> None:
        """Raises CannotGrade where no program can be run as it has to be."""
        judge().require()

    def row(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """HumanEval's rows, MBPP's, and what EvalPlus makes of both; any other as it is."""
        found = translated(fields)
        if found is None:
            return fields
        tests = json.dumps({key: found[key] for key in ("functions", "given", "tests")})
        # What already has the name was called so on purpose.
        own = {name: fields[name] for name in ("id", "problem") if name in fields}
        row = {"id": found["id"], "problem": found["problem"], "answer": tests} | own
        return row if found["solution"] is None else row | {"right_response": f"```python\n{found['solution']}\n```"}

    def extract(self, response: str) -> str | None:
        """The program, as it is written; :meth:`grade` looks for one that defines what is asked for."""
        return program(response)

    def normalise(self, answer: str) -> str:
        """The tests, with all keys."""
        return write_tests(read_tests(answer))

    def grade(self, response: str, answer: str) -> Grade:
        """Right where all tests pass; ``outcome`` is :data:`tasks.sandbox.Outcome`, or that there is no program.

        Raises:
            ValueError: ``answer`` is no tests.
            CannotGrade: no program can be run here.
        """
        tests = read_tests(answer)
        stated = program(response, tests.functions)
        if stated is None:
            return Grade(None, False, True)
        found = _VERDICTS.of(stated, tests)
        return Grade(stated, found.outcome == "passed", False, found.outcome, found.said)

    def grade_all(self, responses: Sequence[tuple[str, str]]) -> list[Grade]:
        """Several at a time, each different one once."""
        different = list(dict.fromkeys(responses))
        with ThreadPoolExecutor(judge().places) as threads:
            graded = dict(zip(different, threads.map(lambda one: self.grade(*one), different), strict=True))
        return [graded[one] for one in responses]


class BarePython(Python):
    """Python functions asked for by the bare problem: a signature to go on from, for a model that only continues."""

    name = "python_bare"

    def prompt(self, problem: Mapping[str, Any]) -> str:
        """The problem, and the end of its last line: without it models go on within the line."""
        return f"{problem['problem']}\n"


class _Verdicts:
    """The last verdicts, by program and tests: reward and grade ask for the same one, and groups repeat programs."""

    def __init__(self) -> None:
        self._known: dict[bytes, Verdict] = {}
        self._lock = Lock()

    def of(self, stated: str, tests: Suite) -> Verdict:
        key = sha256(repr((stated, tests)).encode(errors="backslashreplace")).digest()
        with self._lock:
            if key in self._known:
                return self._known[key]
        found = judge().verdict(stated, tests)
        with self._lock:
            self._known[key] = found
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        return found


_VERDICTS = _Verdicts()
