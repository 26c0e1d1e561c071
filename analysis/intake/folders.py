"""Find and read the samples of a method in a folder: this project's files, lm-eval's logs, or another harness's.

A folder holds one training seed, or one in each of its ``seed<k>/``. A seed's folder holds lm-eval's
``samples_<task>_<date>.jsonl`` at any depth; else files of :data:`analysis.intake.rows.ENDINGS`: in its folder
``predictions`` or ``details`` where it has one, in itself, in such a folder at any depth, or at any depth. Of these
``.json`` counts only where nothing else is there, since many keep a summary beside their samples. What begins with a
dot is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake import parts
from analysis.intake.benchmark_names import Named, benchmark_of, clean
from analysis.intake.cells import Cell
from analysis.intake.harnesses import plain
from analysis.intake.lm_eval_log import FIELDS, is_log, read_log, task_of_old
from analysis.intake.plain_samples import read_plain, read_problems
from analysis.intake.rows import ENDINGS, Rows, ending_of, read_rows
from analysis.intake.samples import Reference

_SEED = re.compile(r"seed[ _=-]?(\d{1,9})", re.IGNORECASE)
# OpenCompass's and lighteval's, who keep results and summaries beside them.
_OF_SAMPLES = ("predictions", "details")
# What answers may come in, in the order in which they are looked for.
_PROBLEMS = (".jsonl", ".json", ".csv", ".parquet")
# From samples/<method>/seed<k> up to the results folder, which has the data beside the samples.
_LEVELS_UP = 4


class Source(NamedTuple):
    """The files that hold the samples of a cell, the name that it has in them, and whether each has only some."""

    cell: Cell
    paths: tuple[Path, ...]
    part: str | None
    split: bool

    def rows(self) -> Rows:
        """The rows of all files, with their places. Raises InputError."""
        return chain.from_iterable(read_rows(path)[self.part] for path in self.paths)


def find(method: str, folder: Path) -> list[Source]:
    """The sample files in ``folder``, in order of seed and benchmark. Raises InputError."""
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder")
    found: dict[Cell, Source] = {}
    for seed, place in sorted(_seeds(folder).items()):
        for path in _files(place):
            for part, rows in read_rows(path).items():
                named = _named(path, place, rows) if part is None else Named(part)
                cell = Cell.parse(f"{method}:{seed}:{clean(named.benchmark)}")
                before = found.get(cell)
                if before is not None and not (before.split and named.is_part):
                    raise InputError(
                        f"{path}: {before.paths[0]} holds {cell.benchmark} of seed {seed} too: needed is one file"
                    )
                found[cell] = Source(cell, (*(before.paths if before else ()), path), part, named.is_part)
    if not found:
        raise InputError(
            f"{folder}: holds no samples: needed are <benchmark>.jsonl or lm-eval's samples_<task>_<date>.jsonl, here "
            f"or in seed<k>/, or what another harness wrote ({', '.join(ENDINGS)})"
        )
    return sorted(found.values())


def read(source: Source, problems: Path | None) -> tuple[pd.DataFrame, dict[str, Reference]]:
    """Samples and reference answers of a cell; ``problems`` as for :func:`find_problems`. Raises InputError."""
    path = source.paths[0]
    if is_log(path):
        return read_log(path)
    first = next(source.rows(), None)
    if first is None:
        raise InputError(f"{path}: holds no sample")
    if {*FIELDS} <= first[1].keys():
        return read_log(path)
    row = plain(*first)
    # Said before anybody looks for answers.
    parts.question(first[0], row)
    parts.responses(first[0], row)
    if parts.has_answer(row):
        return read_plain(path, source.rows(), None)
    file = find_problems(source, problems)
    return read_plain(path, source.rows(), read_problems(file, chain.from_iterable(read_rows(file).values())))


def find_problems(source: Source, problems: Path | None) -> Path:
    """The file of a benchmark's answers: in the folder ``problems``, or that file; None: in a ``data/`` above.

    Raises:
        InputError: there is none.
    """
    if problems is not None and not problems.is_dir():
        return problems
    path = source.paths[0]
    above = [folder / "data" for folder in path.resolve().parents[:_LEVELS_UP]]
    for folder in above if problems is None else [problems]:
        for ending in _PROBLEMS:
            if (folder / f"{source.cell.benchmark}{ending}").exists():
                return folder / f"{source.cell.benchmark}{ending}"
    raise InputError(
        f"{path}: its answers are not known: needed is --problems, a folder with {source.cell.benchmark}.jsonl, or one "
        f"of these fields in each sample: {', '.join(parts.ANSWER)}"
    )


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
    """The shortest ends of the two paths that tell them apart, without ``seed<k>``, as :func:`clean` has them."""
    paths = [folder.resolve() for folder in folders]
    ends = [(path.parent if _SEED.fullmatch(path.name) else path).parts[1:] for path in paths]
    if ends[0] == ends[1]:
        ends = [path.parts[1:] for path in paths]
    for length in range(1, max(len(end) for end in ends) + 1):
        a, b = (clean("/".join(end[-length:])) for end in ends)
        if a != b:
            return a, b
    raise InputError(f"{folders[0]}: is compared with itself")


def _seeds(folder: Path) -> dict[int, Path]:
    """The folder of each seed. Raises InputError: two are of one."""
    seeds: dict[int, Path] = {}
    for one in sorted(folder.iterdir()):
        match = _SEED.fullmatch(one.name)
        if match and one.is_dir():
            seed = int(match[1])
            if seed in seeds:
                raise InputError(f"{one}: is of seed {seed}, as {seeds[seed]} is: needed is one folder")
            seeds[seed] = one
    own = _SEED.fullmatch(folder.resolve().name)
    return seeds or {int(own[1]) if own else 0: folder}


def _files(place: Path) -> list[Path]:
    """The files of a seed that hold samples, or that nobody could say so of."""
    below = [
        path
        for path in sorted(place.rglob("*"))
        if ending_of(path) in ENDINGS
        and not path.is_dir()
        and not any(part.startswith(".") for part in path.relative_to(place).parts)
    ]
    if logs := [path for path in below if is_log(path)]:
        return logs
    apart = [path for path in below if {*path.relative_to(place).parts[:-1]} & {*_OF_SAMPLES}]
    first = [path for path in apart if path.relative_to(place).parts[0] in _OF_SAMPLES]
    found = first or [path for path in below if path.parent == place] or apart or below
    return [path for path in found if ending_of(path) != ".json"] or found


def _named(path: Path, place: Path, rows: Rows) -> Named:
    named = benchmark_of(path, place)
    if "__" in named.benchmark and not is_log(path):
        first = next(rows, None)
        if first is not None and {*FIELDS} <= first[1].keys():
            return Named(task_of_old(path))
    return named
