"""The files that an experiment names, looked at before anything is made of them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.models import LocalModel
from workflow.problem_sets import Benchmark, Local, Public, local_file
from workflow.sources.benchmarks import read
from workflow.sources.command import SourceError
from workflow.sources.selection import WHOLE

if TYPE_CHECKING:
    from workflow.experiment import Experiment


def count_problems(experiment: "Experiment") -> dict[str, int]:
    """How many problems each set has, by its key, but for those that are still to be downloaded.

    Raises:
        ValueError: a file or folder is not there, or a file holds no problems of its set's task; the message names the
            key.
    """
    folders = {
        "benchmark_dir": experiment.benchmark_dir,
        "consultation.pool.cache_dir": experiment.consultation.pool.cache_dir,
    }
    for key, folder in folders.items():
        if folder is not None and _exists(key, folder) and not folder.is_dir():
            raise ValueError(f"{key}: {folder} is no folder")
    _require_room("consultation.pool.cache_dir", experiment.consultation.pool.cache_dir)
    for name, model in experiment.models.items():
        if isinstance(model, LocalModel):
            _require(f"models.{name}.path", model.path)
    sets = experiment.problem_sets()
    counts = {key: _count(key, one, experiment.benchmark_dir) for key, one in sets.items()}
    held_out = getattr(experiment.train, "hold_out", None)
    if held_out is not None and counts["train"] is not None:
        if held_out.size >= counts["train"]:
            raise ValueError(
                f"train.hold_out.size: {held_out.size} of {counts['train']} problems leave none to train on"
            )
        counts["train"] -= held_out.size
    return {key: count for key, count in counts.items() if count is not None}


def _count(key: str, problems: Benchmark, folder: Path | None) -> int | None:
    name = key.rpartition(".")[2]
    path = local_file(name, problems, folder)
    if path is None or not isinstance(problems, Local | Public):
        return getattr(problems, "size", None)
    _require(f"{key}.path", path)
    if not path.is_file():
        raise ValueError(f"{key}.path: {path} is no file")
    try:
        selection = problems if isinstance(problems, Local) else WHOLE
        return len(read(name if isinstance(problems, Public) else None, path, problems.task, selection)[0])
    except SourceError as error:
        raise ValueError(f"{key}.path: {error}") from error


def _require(key: str, path: Path) -> None:
    if not _exists(key, path):
        raise ValueError(f"{key}: {path} does not exist")


def _require_room(key: str, folder: Path | None) -> None:
    """Check that a folder can be made where it is not there."""
    if folder is not None:
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if _exists(key, one))
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise ValueError(f"{key}: {folder} cannot be made: {there} is no folder that can be written into")


def _exists(key: str, path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        # A name that is too long, or a folder that may not be looked into.
        raise ValueError(f"{key}: {path}: {error.strerror}") from error
