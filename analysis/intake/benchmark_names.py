"""Of which benchmark a file of samples is, where its name or its folder tells it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from analysis.intake.lm_eval_log import is_log, task_name
from analysis.intake.rows import ending_of, stem_of

# lighteval's, of which the task is suite|name|few shots, or name|few shots.
_DETAILS = re.compile(r"details_(?P<task>.+?)(?:_\d{4}-\d{2}-\d{2}T[\d:.-]+)?")
# lm-eval's up to 0.3.
_WRITTEN_OUT = re.compile(r"(?P<task>.+)_write_out_info")
# NeMo-Skills': one sample of each question; a benchmark is a folder of them.
_OF_A_SEED = re.compile(r"output-rs\d+")
_GREEDY = ("output", "output-greedy")


class Named(NamedTuple):
    """A benchmark, and whether other files of the same folder hold more of it."""

    benchmark: str
    is_part: bool = False


def benchmark_of(path: Path, place: Path) -> Named:
    """The benchmark of a file that was found in the folder ``place``, or below it.

    Where a benchmark is a folder of files that is itself ``place``, it has the name that these files have in common,
    so that it is the same in another place.
    """
    stem, folder = stem_of(path), path.parent.name if path.parent != place else None
    if is_log(path):
        return Named(task_name(path))
    if found := _DETAILS.fullmatch(stem):
        parts = found["task"].split("|")
        return Named(parts[1 if len(parts) > 2 else 0])
    if found := _WRITTEN_OUT.fullmatch(stem):
        return Named(found["task"])
    if stem in _GREEDY or _OF_A_SEED.fullmatch(stem):
        return Named(folder or _GREEDY[0], stem not in _GREEDY)
    if stem.isdecimal() and ending_of(path) == ".json":
        # matharena's: all samples of one question.
        return Named(folder or "problems", True)
    return Named(stem)


def clean(name: str) -> str:
    """A name of a file or folder as a cell can have it: a hyphen for a colon, and for what nobody can print."""
    return "".join(letter if letter.isprintable() and letter != ":" else "-" for letter in name)
