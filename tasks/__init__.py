"""Kinds of problem, a module each; imports nothing of the other packages, so that grading runs anywhere."""

from tasks.base import Grade, Task
from tasks.integers import BareIntegers, Integers

_TASKS: dict[str, Task] = {one.name: one for one in (Integers(), BareIntegers())}


def names() -> tuple[str, ...]:
    """The names of all tasks."""
    return tuple(_TASKS)


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none; the message names those that there are.
    """
    if name not in _TASKS:
        raise ValueError(f"{name!r} is no task; allowed are {', '.join(_TASKS)}")
    return _TASKS[name]


__all__ = ["Grade", "Task", "names", "task"]
