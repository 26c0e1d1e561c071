"""``merge``: shards together are the experiment, byte for byte; what is missing is said, and what is wrong refused."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.cli.commands import main
from tests.analysis_experiment import BENCHMARKS, PAIRS, SEEDS, K, described, tables, undrawn

RUN = ("run.json", "metrics.jsonl", "rollouts.jsonl.gz")
CELLS = [(method, seed) for method, seeds in SEEDS.items() for seed in seeds]


def files(cells: list[tuple[str, int]]) -> list[str]:
    grades = [f"grades/{method}/seed{seed}/{name}.parquet" for method, seed in cells for name in BENCHMARKS]
    return ["arms.json", *grades, *(f"runs/{m}/seed{s}/{name}" for m, s in runs(cells) for name in RUN)]


def runs(cells: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [cell for cell in cells if cell[0] != "base"]


def write_shard(results: Path, folder: Path, cells: list[tuple[str, int]], **changes: Any) -> Path:
    """A shard of the generated experiment; of a run that kept no rollout the file is there, and empty."""
    for name in files(cells):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (results / name).exists():
            shutil.copy(results / name, folder / name)
        else:
            (folder / name).write_bytes(b"")
    said = {
        "experiment": "tiny", "experiment_sha256": "a" * 64, "shard": folder.name, "k": K,
        "benchmarks": list(BENCHMARKS), "comparisons": [pair.split(":") for pair in PAIRS], "ablations": [],
        "declared": CELLS, "cells": cells, "runs": runs(cells), "git_sha": ["badcafe" * 5],
        "wall_s": {"training": 90.0 * len(runs(cells)), "sampling": 30.0},
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files(cells)},
    }  # fmt: skip
    (folder / "shard.json").write_text(json.dumps(said | changes))
    return folder


@pytest.fixture
def shards(results: Path, tmp_path: Path) -> list[Path]:
    """By seed, and base by itself."""
    by_seed = [[(method, seed) for method, seed in CELLS if seed == one and method != "base"] for one in (0, 1)]
    return [
        write_shard(results, tmp_path / name, cells)
        for name, cells in (("one", by_seed[1]), ("two", by_seed[0]), ("base", [("base", 0)]))
    ]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.plots.drawing.draw", undrawn)


def merge(out: Path, *folders: Path) -> int:
    return main(["merge", *map(str, folders), "--out-dir", str(out)])


def all_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_shards_together_are_the_experiment(results: Path, shards: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    # Whoever holds a cell, two of them too, and in whatever order they are named.
    both = write_shard(results, tmp_path / "both", [cell for cell in CELLS if cell[1] == 0])
    assert merge(out, both, *shards) == 0
    for part in ("tables", "figures"):
        assert all_files(out / part) == all_files(results / part)
    whole = tmp_path / "whole.html"
    made = ["--tables-dir", str(results / "tables"), "--figures-dir", str(results / "figures"), "--out", str(whole)]
    records = [str(results / f"runs/{method}/seed{seed}/run.json") for method, seed in runs(CELLS)]
    assert main(["report", "--experiment", "tiny", *made, "--runs", *records, *described(results)]) == 0
    assert (out / "report.html").read_bytes() == whole.read_bytes()
    for name in ("scores.parquet", "answer.rst"):
        assert (out / name).read_bytes() == (results / name).read_bytes()
    assert "Incomplete" not in (out / "merged.md").read_text()


@pytest.mark.usefixtures("quick")
def test_what_is_missing_is_printed_and_written(
    shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert merge(out, *shards[:2]) == 0
    missing = "of the 5 cells (arm and training seed) that the experiment declares, these results lack 1: base, seed 0."
    left_out = "Left out of the 3 declared comparisons, for lack of an arm: eapo - base, self_exploratory - base."
    printed = capsys.readouterr().out
    for text in (printed, *((out / name).read_text() for name in ("merged.md", "answer.rst", "report.html"))):
        assert missing in text and left_out in text
    assert {*pd.read_csv(out / "tables/significance.csv")["method_b"]} == {"self_exploratory"}


@pytest.mark.usefixtures("quick")
def test_a_comparison_is_made_of_the_seeds_that_its_arms_have(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = [cell for cell in CELLS if cell != ("self_exploratory", 1)]
    assert merge(tmp_path / "out", write_shard(results, tmp_path / "part", part, smallest_effect=0.05)) == 0
    printed = capsys.readouterr().out
    assert (
        "these results lack 1: self_exploratory, seed 1. Every comparison is of the seeds that its methods" in printed
    )
    tested = pd.read_csv(tmp_path / "out/tables/significance.csv").query("method_b == 'self_exploratory'")
    assert {*tested["seeds_a"]} == {2} and {*tested["seeds_b"]} == {1}
    assert "paired_t_seeds" not in {*tested["test"]}
    assert {*tested["smallest_effect"].dropna()} == {0.05}


@pytest.mark.usefixtures("quick")
def test_ablations_and_domains_are_merged_too_and_none_is_left_of_an_earlier_merge(
    results: Path, shards: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    domains = {"trained_on": "code", "benchmarks": {"chains_a": "mathematics", "chains_b": "code"}}
    compared = ["experts", "eapo", "self_exploratory"]
    settings = {"sensitivity": [["eapo", "short", "1"], ["base", "long", "1"]]}
    said = {"ablations": [compared], "domains": domains} | settings
    ablated = write_shard(results, tmp_path / "ablated", CELLS, **said)
    assert merge(out, ablated) == 0
    whole = tmp_path / "whole"
    told = ["--domains", "chains_a=mathematics", "chains_b=code", "--trained-on", "code"]
    told += ["--settings", "eapo=short:1", "base=long:1"]
    assert tables(results, whole, "--ablations", "experts=eapo:self_exploratory", *told) == 0
    assert all_files(out / "tables") == all_files(whole)
    assert (out / "figures" / "ablation_differences.png").exists()
    assert merge(out, *shards) == 0
    assert all_files(out / "tables") == all_files(results / "tables")
    assert not list((out / "figures").glob("ablation*"))
    part = write_shard(results, tmp_path / "part", [cell for cell in CELLS if cell[0] != "base"], **settings)
    assert merge(out, part) == 0
    assert "Left out is the table of sensitivity" in (out / "merged.md").read_text()
    assert not (out / "tables" / "sensitivity.csv").exists()


def edit(folder: Path, **changes: Any) -> None:
    said = json.loads((folder / "shard.json").read_text())
    (folder / "shard.json").write_text(json.dumps({k: v for k, v in (said | changes).items() if v is not None}))


def other_cell(folder: Path) -> None:
    """The same cell with other grades, as a second making of it leaves."""
    path = folder / "grades/eapo/seed1/chains_a.parquet"
    shutil.copy(folder / "grades/eapo/seed1/chains_b.parquet", path)
    said = json.loads((folder / "shard.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(folder, files=said["files"] | {"grades/eapo/seed1/chains_a.parquet": digest})


def damage(folder: Path) -> None:
    path = folder / "runs/eapo/seed1/metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: edit(folder, experiment="big", experiment_sha256="b" * 64),
         "is of another experiment, big (bbbbbbbbbbbb), than {first}, tiny (aaaaaaaaaaaa)"),
        (lambda folder: edit(folder, k=2), "is of another k, 2, than {first}, 4"),
        (other_cell, "eapo, seed 1: differs between {first} and "),
        (damage, "metrics.jsonl: is damaged"),
        (lambda folder: (folder / "runs/eapo/seed1/run.json").unlink(), "run.json: cannot be read: No such file"),
        (lambda folder: (folder / "shard.json").unlink(), "shard.json: cannot be read: No such file"),
        (lambda folder: (folder / "shard.json").write_text("{"), "shard.json: is not JSON"),
        (lambda folder: (folder / "shard.json").write_text("[]"), "shard.json: 'experiment' is missing"),
        (lambda folder: edit(folder, cells=None), "shard.json: 'cells' is missing"),
        (lambda folder: edit(folder, cells=[["eapo", "1"]]),
         "cells is [[\"eapo\", \"1\"]]: needed is a list of [arm, seed]"),
        (lambda folder: edit(folder, smallest_effect="2"), "smallest_effect is \"2\": needed is a number"),
        (lambda folder: edit(folder, domains={"trained_on": "code"}), "needed is trained_on, a domain, and benchmarks"),
        (lambda folder: edit(folder, k=True), "k is true: needed is a whole number of at least 1"),
        (lambda folder: edit(folder, wall_s={"training": 1}), "needed is seconds of training and sampling"),
        (lambda folder: edit(folder, declared=[["eapo", 0]]), "holds self_exploratory, seed 1, which is none of the"),
        (lambda folder: edit(folder, cells=[["eapo", 7]], declared=[["eapo", 7]]),
         "'files' lacks grades/eapo/seed7/chains_a.parquet"),
        (lambda folder: edit(folder, files=json.loads((folder / "shard.json").read_text())["files"] | {"../x": "0"}),
         "'files' names '../x', which does not lie in this folder"),
    ],
)  # fmt: skip
def test_shards_that_do_not_go_together_are_one_line_and_write_nothing(
    results: Path,
    shards: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
    said: str,
) -> None:
    spoilt = write_shard(results, tmp_path / "spoilt", [cell for cell in CELLS if cell[1] == 1])
    spoil(spoilt)
    first = shards[0]
    assert merge(tmp_path / "out", first, spoilt) == 2
    error = capsys.readouterr().err
    assert error.startswith("analysis: ") and said.format(first=first) in error and error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()


def test_what_holds_no_comparison_is_one_line_and_writes_nothing(
    results: Path, shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert merge(tmp_path / "out", shards[2]) == 2
    assert "hold both arms of no declared comparison: needed are more shards" in capsys.readouterr().err
    old = write_shard(results, tmp_path / "old", CELLS)
    path = old / "grades/eapo/seed1/chains_a.parquet"
    pd.read_parquet(path).drop(columns="expert_tokens").to_parquet(path)
    files = json.loads((old / "shard.json").read_text())["files"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(old, files=files | {"grades/eapo/seed1/chains_a.parquet": digest})
    assert merge(tmp_path / "out", old) == 2
    # The shard's own file, and not the one that the commands read.
    assert capsys.readouterr().err.startswith(f"analysis: {path}: column 'expert_tokens' is missing")
    assert not (tmp_path / "out").exists()
