"""Functions to be written, from reasoning-gym's pool ``codeio``: each with a reference and a generator of inputs.

``python -m workflow.sources.programs --n N --seed S --out FILE.jsonl [--task TASK] [--exclude FILE …]``. The same
arguments give the same file. No problem occurs twice, nor in a file given with ``--exclude``.

The library itself asks for outputs, or inputs, to be predicted, and runs the pool's code in its own process. Here the
function is to be written, and both codes run in the sandbox alone. A problem shows one input with its output; the tests
are others. Left out, and counted, is what cannot be graded by them: code that does not run there, looks at the clock,
gives another output the second time, or the same for all inputs, or one that is no JSON.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tasks
from tasks.python import CPU_S, Python, judge, write_tests
from tasks.sandbox import NoValue, Suite
from tasks.sandbox.values import same
from workflow.sources.command import SourceError, run
from workflow.sources.generated import excluded, generator_parser, read_options, write
from workflow.sources.problems import Problem

#: Inputs that a program is tested with, beside the one that it is shown.
CASES = 10
_FILE = "data/codeio.jsonl.gz"
#: Characters of inputs and outputs together.
_LONGEST = 20_000
_CLOCK = re.compile(r"\b(?:import\s+time|from\s+time|now\s*\(|today\s*\(|localtime|uuid)\b")
_CALL = f"""

def different_cases():
    import copy
    import json
    from random import Random
    found = {{}}
    for seed in range({4 * (CASES + 1)}):
        arguments = generate_inputs(Random(seed))
        found.setdefault(json.dumps(arguments, sort_keys=True), arguments)
        if len(found) == {CASES + 1}:
            break
    return [[arguments, main_solution(**copy.deepcopy(arguments))] for arguments in found.values()]
"""
_TESTS = """from math import inf, nan

for arguments, wanted in {cases!r}:
    assert same(main_solution(**arguments), wanted)
"""
_PROBLEM = """{description}

{form}

Write a Python function `main_solution({parameters})` that takes these inputs and returns the output.
For example, `main_solution({arguments})` returns `{output}`."""


class _Unusable(Exception):
    """No problem can be made of an item; the message is a word for the counts."""


def pool() -> list[Mapping[str, Any]]:
    """The items of the pool. Raises SourceError."""
    package = importlib.util.find_spec("reasoning_gym")
    if package is None or package.origin is None:
        raise SourceError("the package reasoning-gym, which holds the problems, is missing")
    path = Path(package.origin).parent / _FILE
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error


def generate(
    items: Sequence[Mapping[str, Any]], n: int, seed: int, task: str, excluded: frozenset[str]
) -> tuple[list[Problem], Counter[str]]:
    """`n` problems of `items`, drawn by `seed`, and how many others were left out, by the reason.

    Raises SourceError where there are no more.
    """
    seen, counts = set(excluded), Counter[str]()
    problems: list[Problem] = []
    for number in random.Random(seed).sample(range(len(items)), len(items)):
        if len(problems) == n:
            break
        try:
            problem = made(items[number], number, task)
        except _Unusable as reason:
            counts[str(reason)] += 1
            continue
        if problem.problem in seen:
            counts["in another set"] += 1
            continue
        seen.add(problem.problem)
        problems.append(problem)
    if len(problems) < n:
        raise SourceError(f"--n {n}: the pool has {len(problems)} problems that are left ({said(counts)})")
    return problems, counts


def made(item: Mapping[str, Any], number: int, task: str) -> Problem:
    """The problem of the item with that number. Raises _Unusable, and SourceError where no program can be run."""
    code, inputs = str(item["code_sample"]), str(item["input_generator"])
    if _CLOCK.search(f"{code}\n{inputs}"):
        raise _Unusable("clock")
    parameters = _parameters(code)
    try:
        found = judge().value(f"from random import Random\n{code}\n\n{inputs}{_CALL}", "different_cases", [], CPU_S)
        cases = json.loads(json.dumps(found))
        if not same(cases, found):
            raise _Unusable("no JSON")
        # The shortest: it has to be read.
        shown = cases.pop(min(range(len(cases)), key=lambda place: len(repr(cases[place]))))
        outputs = {json.dumps(output, sort_keys=True) for _, output in cases}
    except NoValue as error:
        raise _Unusable(error.args[0]) from error
    except tasks.CannotGrade as error:
        raise SourceError(str(error)) from error
    except (TypeError, ValueError) as error:
        raise _Unusable("no JSON") from error
    if len(outputs) < 2:
        raise _Unusable("constant")
    tests = _TESTS.format(cases=cases)
    if len(tests) > _LONGEST:
        raise _Unusable("long")
    arguments = ", ".join(f"{name}={value!r}" for name, value in shown[0].items())
    text = _PROBLEM.format(
        description=str(item["task_description"]).strip(),
        form=str(item["input_output_spec"]).strip(),
        parameters=parameters,
        arguments=arguments,
        output=repr(shown[1]),
    )
    answer = tasks.task(task).normalise(write_tests(Suite("", ("main_solution",), tests, CPU_S)))
    # The second time: what it draws, or keeps, makes another output.
    grade = tasks.task(task).grade(f"```python\n{code}\n```", answer)
    if not grade.correct:
        raise _Unusable("not repeatable" if grade.outcome == "failed" else str(grade.outcome))
    return Problem(f"codeio-{number}", text, answer, f"reasoning-gym {version('reasoning-gym')} codeio", task)


def _parameters(code: str) -> str:
    try:
        body = ast.parse(code).body
    except SyntaxError as error:
        raise _Unusable("invalid") from error
    for node in reversed(body):
        if isinstance(node, ast.FunctionDef) and node.name == "main_solution":
            return ast.unparse(node.args)
    raise _Unusable("missing")


def said(counts: Mapping[str, int]) -> str:
    """The counts as a log has them."""
    return ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items())) or "none left out"


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = generator_parser("programs", __doc__)
    kinds = [name for name in tasks.names() if isinstance(tasks.task(name), Python)]
    parser.add_argument("--task", default=Python.name, choices=kinds, help="what the problems are asked as")
    options = read_options(parser, arguments)
    problems, counts = generate(pool(), options.n, options.seed, options.task, excluded(options))
    write(options, problems)
    return f"{options.out}: {len(problems)} problems of codeio, seed {options.seed}; left out: {said(counts)}"


if __name__ == "__main__":
    raise SystemExit(run(command))
