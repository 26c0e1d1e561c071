"""What the commands of this package share: one-line errors, and files that are whole or absent."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from eapo_verl.record.files import write_whole


class SourceError(Exception):
    """Nothing was written; the message is one line for the user: what, where, what is allowed."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are SourceErrors, so that they look like every other error."""

    def __init__(self, module: str, description: str | None) -> None:
        super().__init__(prog=f"python -m workflow.sources.{module}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise SourceError(message)


def run(command: Callable[[Sequence[str]], str]) -> int:
    """Exit status of `command` on this process's arguments: 0 and a log line, or 2 and a complaint."""
    try:
        print(f"sources: {command(sys.argv[1:])}", flush=True)
    except SourceError as error:
        print(f"sources: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object a line; `path` holds all of them or is left as it was.

    Raises SourceError where the file cannot be written.
    """
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lines)
    except OSError as error:
        raise SourceError(f"--out: cannot write {path}: {error.strerror}") from error
