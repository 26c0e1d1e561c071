"""Kinds of problem, a module each; imports nothing of the other packages, so that grading runs anywhere."""

from collections.abc import Mapping
from typing import Any

from tasks.base import CannotGrade, Grade, Task
from tasks.choice import Choice
from tasks.integers import BareIntegers, Integers
from tasks.numbers import Numbers
from tasks.python import BarePython, Python
from tasks.roles import Roles
from tasks.short_text import ShortText

#: Of a problem that names none.
DEFAULT = Integers.name

_KINDS = (Integers, BareIntegers, Numbers, ShortText, Choice, Roles, Python, BarePython)
_TASKS: dict[str, Task] = {one.name: one() for one in _KINDS}


def names() -> tuple[str, ...]:
    """The names of all tasks."""
    return tuple(_TASKS)


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none; the message names those that there are.
    """
    if name not in _TASKS:
        raise ValueError(f"task {name!r} is not known; allowed are {', '.join(_TASKS)}")
    return _TASKS[name]


def name_of(problem: Mapping[str, Any]) -> str:
    """The name of the task of a line of a problem file: its field ``task``, else the default.

    Raises:
        ValueError: it names no task; the message names those that there are.
    """
    name = problem.get("task", DEFAULT)
    if not isinstance(name, str):
        raise ValueError(f"task {name!r} is not known; allowed are {', '.join(_TASKS)}")
    return task(name).name


__all__ = ["DEFAULT", "CannotGrade", "Grade", "Task", "name_of", "names", "task"]
