"""Experts' solutions of training problems as files: what their stage writes, and what training reads."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from eapo_verl.record.files import write_whole
from eapo_verl.settings.run import RunError


@dataclass(frozen=True)
class Solution:
    """A line of ``solutions/<expert>.jsonl``: a right solution of a training problem, none twice.

    Attributes:
        problem_id: of the training problem.
        expert: who wrote it.
        solution: as a model writes it, ending in its answer; no tag of the grammar and no control character is in it.
        answer: the problem's, which the solution states.
        tokens: of it, as the expert's server counts them.
    """

    problem_id: str
    expert: str
    solution: str
    answer: str
    tokens: int


_SOLUTION = TypeAdapter(Solution)


def provenance_file(path: Path) -> Path:
    """Where it stands how the solutions in ``path`` were come by."""
    return path.with_suffix(".provenance.json")


def write_solutions(path: Path, solutions: Iterable[Solution], provenance: Mapping[str, Any]) -> None:
    """Write an expert's solutions, a line each, and how they were come by beside them.

    Raises:
        OSError: one cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(provenance_file(path), json.dumps(provenance, indent=2) + "\n")
    write_whole(path, "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in solutions))


def read_solutions(path: Path) -> list[Solution]:
    """The solutions in ``path``, in their order.

    Raises:
        RunError: it cannot be read, or a line is none.
    """
    try:
        # Not splitlines(): a text may hold what Python, but not JSON, takes for the end of a line.
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
    return [_read(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line]


def _read(line: bytes, where: str) -> Solution:
    try:
        return _SOLUTION.validate_json(line)
    except ValueError as error:
        raise RunError(f"{where}: is no solution (problem_id, expert, solution, answer, tokens)") from error


def read_provenance(path: Path) -> dict[str, Any]:
    """How the solutions in ``path`` were come by, see :mod:`workflow.solutions.provenance`.

    Raises:
        RunError: that does not stand beside them.
    """
    beside = provenance_file(path)
    try:
        return dict(json.loads(beside.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{beside}: cannot be read: {error}") from error
