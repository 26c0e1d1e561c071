"""Shards of an experiment: folders that hold the scores and the runs of some of its arms and seeds.

``shard.json`` of a folder says what it holds (:data:`FIELDS`); beside it lie grades, runs and ``arms.json``, called as
in the experiment's own folder. A cell is here an arm and a training seed; it has grades of every benchmark, and the
files of a run where ``runs`` names it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from analysis import InputError
from analysis.intake.files import regular
from analysis.intake.json_lines import is_number, read_json
from analysis.intake.transcripts import FILE as ROLLOUTS

FILE = "shard.json"
ARMS = "arms.json"
Arm = tuple[str, int]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _each(value: Any, *kinds: type) -> bool:
    """Whether it is a list of lists of just these types."""
    return isinstance(value, list) and all(
        isinstance(one, list) and [type(part) for part in one] == list(kinds) for one in value
    )


#: What is read of ``shard.json``; other fields are for other readers.
FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "experiment": (_text, "text"),
    # Of all that a score of the experiment, or a test of it, depends on; not of its seeds, and not of k.
    "experiment_sha256": (_text, "text"),
    "shard": (_text, "text"),
    "k": (lambda value: type(value) is int and value >= 1, "a whole number of at least 1"),
    "benchmarks": (lambda value: isinstance(value, list) and all(map(_text, value)), "a list of names"),
    "comparisons": (lambda value: _each(value, str, str), "a list of pairs of names"),
    # Component, with, without.
    "ablations": (lambda value: _each(value, str, str, str), "a list of three names each"),
    # Of the whole experiment, in its order.
    "declared": (lambda value: _each(value, str, int), "a list of [arm, seed]"),
    # Of this shard.
    "cells": (lambda value: _each(value, str, int), "a list of [arm, seed]"),
    "runs": (lambda value: _each(value, str, int), "a list of [arm, seed]"),
    # Of its runs and its samples, each once.
    "git_sha": (lambda value: isinstance(value, list) and all(map(_text, value)), "a list of commits"),
    # Seconds of its trainings, and of the engines that drew its samples.
    "wall_s": (
        lambda value: isinstance(value, dict) and all(is_number(value.get(part)) for part in ("training", "sampling")),
        "seconds of training and sampling",
    ),
    # By the file's place below the folder.
    "files": (lambda value: isinstance(value, dict) and all(map(_text, value.values())), "digests by file"),
}
#: In accuracy. A shard from before there was such a field has the one that holds where nothing is said.
SMALLEST_EFFECT = "smallest_effect"
#: Of which domain each benchmark is, and the problems for training; a shard without it is of one domain alone.
DOMAINS = "domains"
#: Arm, wording and temperature of each setting; a shard without it has none.
SENSITIVITY = "sensitivity"
_LATER: dict[str, tuple[Callable[[Any], bool], str]] = {
    SMALLEST_EFFECT: (is_number, "a number"),
    SENSITIVITY: (lambda value: _each(value, str, str, str), "a list of [arm, wording, temperature]"),
    DOMAINS: (
        lambda value: (
            isinstance(value, dict)
            and _text(value.get("trained_on"))
            and isinstance(value.get("benchmarks"), dict)
            and all(map(_text, value["benchmarks"].values()))
        ),
        "trained_on, a domain, and benchmarks, a domain each",
    ),
}


@dataclass(frozen=True)
class Shard:
    """A shard whose files are all there and as they were written.

    Attributes:
        folder: of it.
        said: what its ``shard.json`` says, :data:`FIELDS` and more.
    """

    folder: Path
    said: dict[str, Any]

    @property
    def cells(self) -> list[Arm]:
        """What it holds."""
        return [(arm, seed) for arm, seed in self.said["cells"]]

    @property
    def declared(self) -> list[Arm]:
        """What the whole experiment holds."""
        return [(arm, seed) for arm, seed in self.said["declared"]]

    def files_of(self, cell: Arm) -> list[str]:
        """The files of a cell that tables, figures and report are made of."""
        arm, seed = cell
        grades = [f"grades/{arm}/seed{seed}/{benchmark}.parquet" for benchmark in self.said["benchmarks"]]
        run = [f"runs/{arm}/seed{seed}/{name}" for name in ("run.json", "metrics.jsonl", ROLLOUTS)]
        return grades + (run if [arm, seed] in self.said["runs"] else [])

    def digests(self, cell: Arm) -> list[str]:
        """Digests of these files."""
        return [self.said["files"][name] for name in self.files_of(cell)]


def read_shard(folder: Path) -> Shard:
    """A shard's folder. Raises InputError: ``shard.json`` is not as described, a file is missing or has changed."""
    path = folder / FILE
    said = read_json(path)
    for field, (fits, needed) in (FIELDS | _LATER).items():
        if field in FIELDS and (not isinstance(said, dict) or field not in said):
            raise InputError(f"{path}: {field!r} is missing (needed are {', '.join(FIELDS)})")
        if field in said and not fits(said[field]):
            raise InputError(f"{path}: {field} is {json.dumps(said[field])[:60]}: needed is {needed}")
    shard = Shard(folder, said)
    for arm, seed in shard.cells:
        if [arm, seed] not in said["declared"]:
            raise InputError(f"{path}: holds {arm}, seed {seed}, which is none of the 'declared' cells")
    for name in (ARMS, *(name for cell in shard.cells for name in shard.files_of(cell))):
        if name not in said["files"]:
            raise InputError(f"{path}: 'files' lacks {name}, which its cells need")
    for name, digest in said["files"].items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise InputError(f"{path}: 'files' names {name!r}, which does not lie in this folder")
        try:
            content = regular(folder / name).read_bytes()
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(f"{folder / name}: is damaged: it is not the file that {FILE} has the digest of")
    return shard


@dataclass(frozen=True)
class Merged:
    """Shards of one experiment, together.

    Attributes:
        shards: in the order in which they were named.
        held: the cells that they hold, in the experiment's order, and the shard that each is taken from.
        missing: the cells of the experiment that none holds.
    """

    shards: Sequence[Shard]
    held: dict[Arm, Shard]
    missing: list[Arm]

    @property
    def said(self) -> dict[str, Any]:
        """What all of them say of their experiment."""
        return self.shards[0].said

    @property
    def runs(self) -> list[Arm]:
        """The cells that have a run, in the experiment's order."""
        return [(arm, seed) for (arm, seed), shard in self.held.items() if [arm, seed] in shard.said["runs"]]

    def has(self, *arms: str) -> bool:
        """Whether each of these arms has a cell."""
        return {*arms} <= {arm for arm, _ in self.held}

    def lay_out(self, folder: Path) -> dict[Path, Path]:
        """Copy the files into ``folder``, which is empty, as they lie in the experiment's own; the original of each.

        No links: not every system lets everybody make some.
        """
        places = {ARMS: self.shards[0].folder}
        places |= {name: shard.folder for cell, shard in self.held.items() for name in shard.files_of(cell)}
        for name, place in places.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place / name, folder / name)
        return {folder / name: (place / name).resolve() for name, place in places.items()}


def merged(shards: Sequence[Shard]) -> Merged:
    """Shards of one experiment, of which two may hold the same cell if it is the same in both.

    Raises:
        InputError: they are of different experiments, count samples by another k, or differ in a cell.
    """
    first = shards[0]
    held: dict[Arm, Shard] = {}
    for shard in shards:
        for key, what in (("experiment_sha256", "another experiment"), ("k", "another k")):
            if shard.said[key] != first.said[key]:
                raise InputError(
                    f"{shard.folder}: is of {what}, {_named(shard, key)}, than {first.folder}, {_named(first, key)}: "
                    "shards are merged of one alone"
                )
        for cell in shard.cells:
            other = held.setdefault(cell, shard)
            if shard.digests(cell) != other.digests(cell):
                raise InputError(
                    f"{cell[0]}, seed {cell[1]}: differs between {other.folder} and {shard.folder}: name one of them"
                )
    declared = dict.fromkeys(cell for shard in shards for cell in shard.declared)
    return Merged(
        shards, {cell: held[cell] for cell in declared if cell in held}, [cell for cell in declared if cell not in held]
    )


def _named(shard: Shard, key: str) -> str:
    value = shard.said[key]
    return f"{shard.said['experiment']} ({value[:12]})" if key == "experiment_sha256" else str(value)
