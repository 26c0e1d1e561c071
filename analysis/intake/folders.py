"""Find and read the samples of a method in a folder: this project's files, or lm-eval's logs.

A folder holds one training seed, or one in each of its ``seed<k>/``. A seed's folder holds ``<benchmark>.jsonl`` (JSON
lines: question_id, sample, response, n_tokens, finish_reason), or at any depth ``samples_<task>_<date>.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.cells import Cell
from analysis.intake.lm_eval_log import is_log, read_log, task_name
from analysis.intake.samples import Reference, read_answers, read_samples

_SEED = re.compile(r"seed(\d{1,9})")
# From samples/<method>/seed<k> up to the results folder, which has the data beside the samples.
_LEVELS_UP = 4


class Source(NamedTuple):
    """A file of samples and what it holds."""

    cell: Cell
    path: Path


def find(method: str, folder: Path) -> list[Source]:
    """The sample files in ``folder``, in order of seed and benchmark. Raises InputError."""
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder")
    seeds = {int(match[1]): one for one in sorted(folder.iterdir()) if (match := _SEED.fullmatch(one.name))}
    if not seeds:
        own = _SEED.fullmatch(folder.resolve().name)
        seeds = {int(own[1]) if own else 0: folder}
    found: dict[Cell, Path] = {}
    for seed, place in sorted(seeds.items()):
        for path in _files(place):
            benchmark = task_name(path) if is_log(path) else path.stem
            cell = Cell.parse(f"{method}:{seed}:{benchmark}")
            if cell in found:
                raise InputError(f"{path}: {found[cell]} holds {benchmark} of seed {seed} too: needed is one file")
            found[cell] = path
    if not found:
        raise InputError(
            f"{folder}: holds no samples: needed are <benchmark>.jsonl or lm-eval's samples_<task>_<date>.jsonl, "
            "here or in seed<k>/"
        )
    return [Source(cell, path) for cell, path in sorted(found.items())]


def read(source: Source, problems: Path | None) -> tuple[pd.DataFrame, dict[str, Reference]]:
    """Samples and reference answers of a file; ``problems`` as for :func:`find_problems`. Raises InputError."""
    if is_log(source.path):
        return read_log(source.path)
    answers = read_answers(find_problems(source, problems))
    return read_samples(source.path, answers), answers


def find_problems(source: Source, problems: Path | None) -> Path:
    """The file of a benchmark's answers: in the folder ``problems``, or that file; None: in a ``data/`` above.

    Raises:
        InputError: there is none.
    """
    name = f"{source.cell.benchmark}.jsonl"
    if problems is not None:
        return problems if problems.is_file() else problems / name
    for folder in source.path.resolve().parents[:_LEVELS_UP]:
        if (folder / "data" / name).is_file():
            return folder / "data" / name
    raise InputError(f"{source.path}: its answers are not known: needed is --problems, a folder with {name}")


def shared_benchmarks(arms: Collection[list[Source]], wanted: Collection[str]) -> list[str]:
    """Benchmarks to compare: ``wanted``, or all there are. Raises InputError where a seed of a method lacks one."""
    there = [source for sources in arms for source in sources]
    benchmarks = sorted(wanted or {source.cell.benchmark for source in there})
    for sources in arms:
        for method, seed in sorted({(source.cell.method, source.cell.seed) for source in sources}):
            have = {source.cell.benchmark for source in sources if source.cell.seed == seed}
            missing = [benchmark for benchmark in benchmarks if benchmark not in have]
            if missing:
                raise InputError(
                    f"{method}, seed {seed}: has no samples of {missing[0]!r} (it has {', '.join(sorted(have))}); "
                    "--benchmark limits the comparison"
                )
    return benchmarks


def names(folders: tuple[Path, Path]) -> tuple[str, str]:
    """The shortest ends of the two paths that tell them apart, without ``seed<k>``; a colon becomes a hyphen."""
    paths = [folder.resolve() for folder in folders]
    parts = [(path.parent if _SEED.fullmatch(path.name) else path).parts[1:] for path in paths]
    if parts[0] == parts[1]:
        parts = [path.parts[1:] for path in paths]
    for length in range(1, max(len(part) for part in parts) + 1):
        a, b = ("/".join(part[-length:]).replace(":", "-") for part in parts)
        if a != b:
            return a, b
    raise InputError(f"{folders[0]}: is compared with itself")


def _files(folder: Path) -> Iterator[Path]:
    logs = sorted(folder.rglob("samples_*.jsonl"))
    return iter(logs or sorted(folder.glob("*.jsonl")))
