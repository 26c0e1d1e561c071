"""Merge shards of an experiment: the commands of its workflow, on what the shards hold together."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.intake.shards import ARMS, DOMAINS, SENSITIVITY, SMALLEST_EFFECT, Arm, Merged, merged, read_shard
from analysis.output import whole, write_text
from analysis.plots import remove_of_ablations
from analysis.tables import SOMETIMES
from analysis.tables.files import remove_table
from analysis.tables.numbers import rounded
from analysis.tables.significance import ANSWER

#: Says of which shards the results beside it are made, and what of the experiment they lack.
NOTE = "merged.md"


def merge(folders: Sequence[Path], out: Path, carry_out: Callable[[Sequence[str]], None]) -> None:
    """Write scores, tables, figures and report into ``out`` as the experiment's workflow does, and :data:`NOTE`.

    Everything is made before anything is written there. Prints what :data:`NOTE` says and what the commands print.

    Args:
        folders: of the shards.
        out: where to.
        carry_out: carries out a command line of ``python -m analysis``.

    Raises:
        InputError: a shard is not what it should be, they do not go together, or no declared comparison has both arms.
    """
    together = merged([read_shard(folder) for folder in folders])
    lacking = [*_lacking(together)]
    note = "\n\n".join([_held(together), *lacking, *_unlike(together)]) + "\n"
    print(note)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        originals = together.lay_out(place)
        try:
            for command in _commands(together, place, lacking):
                carry_out(command)
        except InputError as error:
            raise InputError(_where_it_lies(str(error), originals)) from error
        results = [path for name in ("tables", "figures") for path in sorted((place / name).iterdir())]
        for path in (*results, *(place / name for name in ("scores.parquet", "answer.rst", "report.html"))):
            with whole(out / path.relative_to(place)) as target:
                shutil.copyfile(path, target)
    made = {path.stem for path in results}
    for name in {*SOMETIMES} - made:
        remove_table(out / "tables", name)
    if not _ablations(together):
        remove_of_ablations(out / "figures")
    write_text(out / NOTE, note)


def _where_it_lies(complaint: str, originals: Mapping[Path, Path]) -> str:
    """A complaint that begins with a file names the shard's own, and not the copy of it."""
    named, colon, rest = complaint.partition(": ")
    return f"{originals.get(Path(named), named)}{colon}{rest}"


def _commands(together: Merged, place: Path, notes: Sequence[str]) -> Iterator[list[str]]:
    """What the workflow's rules ``scores``, ``tables``, ``figures`` and ``html_report`` call, in this order."""
    said = together.said
    runs = {run: place / "runs" / run[0] / f"seed{run[1]}" for run in together.runs}
    records = ["--runs", *(str(folder / "run.json") for folder in runs.values()), "--arms", str(place / ARMS)]
    cells = [f"{arm}:{seed}:{benchmark}" for arm, seed in together.held for benchmark in said["benchmarks"]]
    grades = ["--grades-dir", str(place / "grades")]
    scores = ["--scores", str(place / "scores.parquet")]
    tables, figures = str(place / "tables"), str(place / "figures")
    yield ["scores", *grades, "--cells", *cells, "--out", scores[1]]
    pairs = [f"{a}:{b}" for a, b in _comparisons(together)]
    ablations = [f"{component}={full}:{without}" for component, full, without in _ablations(together)]
    tested = ["--pairs", *pairs, *(["--ablations", *ablations] if ablations else [])]
    if SMALLEST_EFFECT in said:
        tested += ["--smallest-effect", str(said[SMALLEST_EFFECT])]
    if DOMAINS in said:
        domains = said[DOMAINS]
        tested += ["--domains", *(f"{benchmark}={domain}" for benchmark, domain in domains["benchmarks"].items())]
        tested += ["--trained-on", domains["trained_on"]]
    if settings := _settings(together):
        tested += ["--settings", *(f"{arm}={wording}:{temperature}" for arm, wording, temperature in settings)]
    metrics = ["--metrics", *(f"{arm}:{seed}:{folder / 'metrics.jsonl'}" for (arm, seed), folder in runs.items())]
    yield ["tables", *scores, *grades, "--k", str(said["k"]), *tested, *metrics, *records, "--out-dir", tables]
    sources = [*scores, *grades, "--tables-dir", tables]
    yield ["figures", *metrics, *records, *sources, "--out-dir", figures]
    made = ["--tables-dir", tables, "--figures-dir", figures, *records, "--notes", *notes]
    written = ["--answer", str(place / "answer.rst"), "--out", str(place / "report.html")]
    yield ["report", "--experiment", said["experiment"], *made, *written]


def _comparisons(together: Merged) -> list[list[str]]:
    """Those declared comparisons whose arms are both there. Raises InputError: there is none."""
    found = [pair for pair in together.said["comparisons"] if together.has(*pair)]
    if not found:
        raise InputError(
            f"{', '.join(str(shard.folder) for shard in together.shards)}: hold both arms of no declared comparison: "
            "needed are more shards"
        )
    return found


def _ablations(together: Merged) -> list[list[str]]:
    return [one for one in together.said["ablations"] if together.has(*one[1:])]


def _settings(together: Merged) -> list[list[str]]:
    """The settings of sensitivity, where the arms of all of them are there."""
    settings: list[list[str]] = together.said.get(SENSITIVITY, [])
    return settings if together.has(*(arm for arm, *_ in settings)) else []


def _lacking(together: Merged) -> Iterator[str]:
    """A sentence or two on each thing that the experiment declares and that is not in its results."""
    if not together.missing:
        return
    count = len(together.missing) + len(together.held)
    yield (
        f"Incomplete: of the {count} cells (arm and training seed) that the experiment declares, these results lack "
        f"{len(together.missing)}: {_by_arm(together.missing)}. Every comparison is of the seeds that its methods "
        "have; its row says how many."
    )
    if together.said.get(SENSITIVITY) and not _settings(together):
        yield "Left out is the table of sensitivity, which needs the arms of all of its settings."
    for key, there, rule in (
        ("comparisons", _comparisons(together), "Holm"),
        ("ablations", _ablations(together), "Benjamini-Hochberg"),
    ):
        declared = together.said[key]
        out = [one for one in declared if one not in there]
        if out:
            yield (
                f"Left out of the {len(declared)} declared {key}, for lack of an arm: "
                f"{', '.join(' - '.join(one[-2:]) for one in out)}. p-values are adjusted ({rule}) over the other "
                f"{len(there)} alone."
            )
    if list(ANSWER) in together.said["comparisons"] and not together.has(*ANSWER):
        yield (
            f"The comparison that is to be answered first, {' - '.join(ANSWER)}, is not among these results: what is "
            "answered is the first one that is."
        )


def _by_arm(cells: Sequence[Arm]) -> str:
    arms: dict[str, list[str]] = {}
    for arm, seed in cells:
        arms.setdefault(arm, []).append(str(seed))
    return "; ".join(f"{arm}, seed {', '.join(seeds)}" for arm, seeds in arms.items())


def _held(together: Merged) -> str:
    """The shards as a table."""
    rows = [
        {
            "shard": shard.said["shard"],
            "cells": str(len(shard.cells)),
            "commit": ", ".join(sha[:12] for sha in shard.said["git_sha"]),
            "training, minutes": rounded(shard.said["wall_s"]["training"] / 60, 1),
            "sampling, minutes": rounded(shard.said["wall_s"]["sampling"] / 60, 1),
        }
        for shard in together.shards
    ]
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    return f"Experiment {together.said['experiment']}, merged from {len(rows)} shards:\n\n{table}"


def _unlike(together: Merged) -> Iterator[str]:
    """What is not the same in all of the shards, though they can be merged."""
    commits = dict.fromkeys(sha for shard in together.shards for sha in shard.said["git_sha"])
    if len(commits) > 1:
        yield f"Made at {len(commits)} different commits."
    first = together.shards[0]
    others = [shard for shard in together.shards if shard.said["files"][ARMS] != first.said["files"][ARMS]]
    if others:
        yield (
            f"Arms are called and drawn as in shard {first.said['shard']}; "
            f"{', '.join(shard.said['shard'] for shard in others)}: called or drawn otherwise."
        )
