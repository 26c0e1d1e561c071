"""A benchmark as sampling sees it: questions with the prompts that their task makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tasks
from workflow.sampling.request import SamplingError


@dataclass(frozen=True)
class Question:
    """One question of a `task`. `prompt` is the user's turn; `answer` is for lm-eval's log, no prompt contains it."""

    id: str
    prompt: str
    answer: str
    task: str = tasks.DEFAULT


@dataclass(frozen=True)
class Benchmark:
    """A named set of questions, in the order of the file that they came from.

    `instructions` are what stands behind them in their prompts, each once; empty: nothing.
    """

    name: str
    path: Path
    questions: tuple[Question, ...]
    instructions: tuple[str, ...] = ()


def read_benchmark(argument: str) -> Benchmark:
    """The benchmark that ``NAME=problems.jsonl`` names.

    A line's `task` says which task makes its prompt; it may be absent, and further columns are the task's own.

    Raises SamplingError, naming file and line, for an unreadable file, a line that is not an object with non-empty
    strings `id`, `problem` and `answer`, an unknown task, a problem that its task can make no prompt of, an id used
    twice, or a file without problems.
    """
    name, separator, location = argument.partition("=")
    if not separator or not name or not location:
        raise SamplingError(f"--benchmark is {argument!r}; it must be NAME=problems.jsonl")
    path = Path(location)
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise SamplingError(f"--benchmark {name}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SamplingError(f"--benchmark {name}: {path} is not UTF-8 text (byte {error.start})") from error
    questions: dict[str, Question] = {}
    instructions: set[str] = set()
    # Not splitlines(): JSON strings may hold line separators such as U+2028 that are no line ends of JSONL.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        question, instruction = _read_question(line, f"{path}:{number}")
        instructions.add(instruction)
        if question.id in questions:
            raise SamplingError(f"{path}:{number}: id {question.id!r} was used before; ids must be unique")
        questions[question.id] = question
    if not questions:
        raise SamplingError(f"--benchmark {name}: {path} holds no problem; at least one line is needed")
    return Benchmark(name, path, tuple(questions.values()), tuple(sorted(instructions)))


def _read_question(line: str, where: str) -> tuple[Question, str]:
    """The question of a line, and the instruction in its prompt."""
    try:
        problem: Any = json.loads(line)
    except ValueError as error:
        raise SamplingError(f"{where}: not JSON ({error}); each line must be one JSON object") from error
    if not isinstance(problem, dict):
        raise SamplingError(f"{where}: a {type(problem).__name__}; each line must be one JSON object")
    for key in ("id", "problem", "answer"):
        value = problem.get(key)
        if not isinstance(value, str) or not value.strip():
            found = "missing" if key not in problem else f"{value!r}"
            raise SamplingError(f"{where}: {key!r} is {found}; it must be a non-empty string")
    try:
        task = tasks.name_of(problem)
        prompt = tasks.task(task).prompt(problem)
    except ValueError as error:
        raise SamplingError(f"{where}: {error}") from error
    except KeyError as error:
        raise SamplingError(f"{where}: task {task} needs {error.args[0]!r}, which is missing") from error
    instruction = problem.get("instruction") or tasks.task(task).instruction
    return Question(problem["id"], prompt, problem["answer"], task), instruction
