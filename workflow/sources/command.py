"""What the commands of this package share: their error, their log line, and files that are whole or absent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.record.files import write_whole
from workflow.command import BadInput, Parser, run_command


class SourceError(BadInput):
    """Nothing was written; the message is one line for the user: what, where, what is allowed."""


def source_parser(module: str, description: str | None) -> Parser:
    """The parser of one of the modules here; it raises SourceError."""
    return Parser(f"workflow.sources.{module}", description, SourceError)


def run(command: Callable[[Sequence[str]], str]) -> int:
    """Exit status of `command` on this process's arguments: 0 and its log line, or 2 and a complaint."""
    return run_command("sources", lambda arguments: print(f"sources: {command(arguments)}", flush=True))


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object a line; `path` holds all of them or is left as it was.

    Raises SourceError where the file cannot be written.
    """
    _write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Likewise one object, for people to read."""
    _write(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise SourceError(f"--out: cannot write {path}: {error.strerror}") from error
