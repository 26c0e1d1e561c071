"""Command lines of the workflow's programs: whatever is wrong is said in one line, and the exit status is 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn


class BadInput(Exception):
    """What a program cannot do as it is asked; the message is one line: what, where, what is allowed."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is the program's own error, so that it looks like every other one.

    Args:
        module: what stands behind ``python -m``.
        description: for ``--help``.
        complaint: what is raised for arguments that are not allowed.
    """

    def __init__(self, module: str, description: str | None, complaint: type[BadInput] = BadInput) -> None:
        super().__init__(prog=f"python -m {module}", description=description, allow_abbrev=False)
        self._complaint = complaint

    def error(self, message: str) -> NoReturn:
        """Raises the complaint."""
        raise self._complaint(message)


def run_command(name: str, command: Callable[[Sequence[str]], None], arguments: Sequence[str] | None = None) -> int:
    """Exit status of ``command`` on ``arguments``, by default this process's own: 0, or 2 and ``name: …`` on stderr."""
    try:
        command(sys.argv[1:] if arguments is None else arguments)
    except BadInput as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def split_command(arguments: list[str]) -> tuple[list[str], list[str]]:
    """A program's own arguments and, after ``--``, the command that it is to run; [] where there is none."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]
