"""A shard: which cells it holds, what Snakemake makes of it, and that shards together are the experiment."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.cli.commands import main
from eapo_verl.record import manifest
from tests.analysis_experiment import undrawn
from tests.default_experiment import plan
from tests.integration.checkout import copy_checkout, in_checkout
from tests.placed_experiment import place, write_model
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.plan_shards import Asked, ShardPlan, experiment_sha256

MORE: dict[str, Any] = {
    "methods": [
        "self_exploratory", "eapo", "self_exploratory_matched", "eapo_seek_help", "expert_workflow", "self_consistency",
    ],
    "comparisons": [["eapo", "self_exploratory"]],
}  # fmt: skip


def shard(asked: Asked, **changes: Any) -> ShardPlan:
    one = plan(**MORE | changes)
    return ShardPlan(one.experiment, one, asked)


def test_words_are_taken_out_of_the_configuration() -> None:
    config = {"shard_seeds": ["1", "2"], "shard_arms": "base,eapo  base", "seeds": [1]}
    assert Asked.taken_from(config) == (("1", "2"), ("base", "eapo", "base"))
    assert config == {"seeds": [1]}
    assert Asked.taken_from({"shard_seeds": 3, "shard_arms": None}) == (("3",), ())
    assert Asked.taken_from({}) == ((), ())


@pytest.mark.parametrize(
    ("asked", "name", "cells"),
    [
        (Asked(("2",)), "seed2", "self_exploratory eapo self_exploratory_matched eapo_seek_help"),
        (Asked(("1",)), "seed1",
         "base self_exploratory eapo self_exploratory_matched eapo_seek_help expert_workflow self_consistency"),
        (Asked(("2",), ("eapo",)), "seed2.eapo", "eapo"),
        # With the arm whose models it scores, and with those whose costs it matches.
        (Asked(("1",), ("self_consistency",)),
         "seed1.base+expert_workflow+self_consistency", "base expert_workflow self_consistency"),
        (Asked(("3",), ("eapo_seek_help",)), "seed3.eapo+eapo_seek_help", "eapo eapo_seek_help"),
        (Asked(("3",), ("self_exploratory_matched",)),
         "seed3.self_exploratory+eapo+self_exploratory_matched", "self_exploratory eapo self_exploratory_matched"),
    ],
)  # fmt: skip
def test_a_shard_holds_what_is_asked_for_and_what_that_needs(asked: Asked, name: str, cells: str) -> None:
    one = shard(asked)
    seed = int(asked.seeds[0])
    assert one.name == name and one.folder == Path("results/default/shards") / name
    alone = ("base", "expert_workflow", "self_consistency")
    assert one.cells == [(arm, 0 if arm in alone else seed) for arm in cells.split()]


def test_shards_by_seed_are_the_experiment_and_each_of_its_cells_is_in_one() -> None:
    shards = [shard(Asked((seed,))) for seed in "123"]
    together = [cell for one in shards for cell in one.cells]
    assert sorted(together) == sorted(plan(**MORE).cells) == sorted(shard(Asked()).cells)
    assert shard(Asked(("3", "1"))).name == "seed1+3" and shard(Asked()).name == "seed1+2+3"
    assert {*map(str, shard(Asked()).files())} == {str(file) for one in shards for file in one.files()}


def test_a_name_is_as_long_as_a_file_s_may_be() -> None:
    ten = [f"arm{'x' * 20}{number}" for number in range(10)]
    changes = {"variants": {name: {"of": "eapo"} for name in ten}, "methods": ["eapo", "self_exploratory", *ten]}
    names = [shard(Asked(("1",), tuple(ten[:count])), **changes).name for count in (9, 10)]
    assert len({*names}) == 2 and max(map(len, names)) < 60 and names[0].startswith("seed1.9arms-")
    many = shard(Asked(), seeds=[*range(1, 100)]).name
    assert many.startswith("seed99seeds-") and len(many) < 60


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(("4",)), "shard_seeds: '4' is none of the experiment's; allowed are 1, 2, 3"),
        (Asked(("one",)), "shard_seeds: 'one' is none"),
        (
            Asked((), ("magic",)),
            "shard_arms: 'magic' is none of the experiment's; allowed are base, self_exploratory, eapo",
        ),
        (Asked(("2", "3"), ("eapo", "base")), "shard_arms: 'base' is scored once, without a training seed, and comes"),
    ],
)
def test_what_is_no_shard_is_one_line(asked: Asked, said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        shard(asked)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"seeds": [1, 2, 3, 4]}, True),
        ({"training__threads": {"trainer": 1}, "resources__minutes": 5}, True),
        ({"evaluation__k": 16}, True),
        ({"evaluation__temperature": 0.5}, False),
        ({"training__budget__steps": 25}, False),
        ({"benchmarks__chains_a__seed": 5}, False),
        ({"comparisons": [["self_exploratory", "eapo"]]}, False),
        ({"smallest_effect": 0.05}, False),
        ({"methods": [*MORE["methods"], "eapo_paper"]}, False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_shards_go_together_by_all_that_their_scores_depend_on(changes: dict[str, Any], same: bool) -> None:
    known = experiment_sha256(plan(**MORE).experiment)
    assert (experiment_sha256(plan(**MORE | changes).experiment) == known) == same
    assert shard(Asked(("1",))).described()["experiment_sha256"] == known


TRAINED = ("self_exploratory", "self_exploratory_dapo", "matched")
SMALL: dict[str, Any] = {
    "methods": list(TRAINED), "seeds": [1, 2],
    "variants": {"matched": {"of": "self_exploratory_matched", "match": {"arm": "self_exploratory_dapo"}}},
    "comparisons": [["matched", "self_exploratory"], ["self_exploratory_dapo", "base"]],
    "models": {"policy": {"source": "local", "path": "policy"}},
    "experts": [],
}  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of this one with a small experiment, in which this test is, too."""
    copy = copy_checkout(tmp_path)
    smoke = yaml.safe_load((copy / "config/smoke.yaml").read_text())
    (copy / "config/mine.yaml").write_text(yaml.safe_dump(smoke | SMALL))
    write_model(copy / "policy")
    monkeypatch.chdir(copy)
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some"})
    yield copy


@pytest.mark.arm
def test_shards_and_the_whole_experiment_leave_each_other_s_work_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = load_experiment(yaml.safe_load(Path("config/mine.yaml").read_text()), "config/mine.yaml")
    one = Plan(experiment, "mine", Path("results/mine"))
    options = ("--cores", "2", "--nolock", "--configfile", "config/mine.yaml")

    def snakemake(*arguments: str) -> str:
        finished = in_checkout(checkout, "snakemake", *arguments)
        assert finished.returncode == 0, finished.stdout
        return finished.stdout

    def outputs(output: str) -> set[tuple[str, str]]:
        """Arm and seed of each run and each benchmark's grades that are to be made."""
        return {*re.findall(r"output: results/mine/(?:runs|grades)/(\w+)/(seed\d)", output)}

    listed = snakemake("shard", "-n", *options, "--config", "shard_seeds=[2]")
    assert outputs(listed) == {(arm, "seed2") for arm in TRAINED} and listed.count("rule train:") == 3

    place(experiment, one, [cell for cell in one.cells if cell[1] == 2])
    snakemake("shard", *options, "--config", "shard_seeds=2")
    left = snakemake("-n", *options)
    assert outputs(left) == {(arm, "seed1") for arm in TRAINED} | {("base", "seed0")} and left.count("rule train:") == 3

    place(experiment, one, [cell for cell in one.cells if cell[1] != 2])
    snakemake("results/mine/tables/main.csv", *options)
    # Of the experiment that is there nothing is made again.
    made = snakemake("shard", *options, "--config", "shard_seeds=1")
    assert {*re.findall(r"^(?:local)?rule (\w+):", made, re.MULTILINE)} == {"shard"}

    monkeypatch.setattr("analysis.plots.drawing.draw", undrawn)
    shards = [f"results/mine/shards/seed{seed}" for seed in (2, 1)]
    assert main(["merge", *shards, "--out-dir", "merged"]) == 0
    tables = sorted(path.name for path in Path("merged/tables").iterdir())
    assert tables == sorted(path.name for path in Path("results/mine/tables").iterdir())
    for name in tables:
        assert Path("merged/tables", name).read_bytes() == Path("results/mine/tables", name).read_bytes()
    # A minute of training for each run, and half a one of sampling for each cell.
    note = [line.split() for line in Path("merged/merged.md").read_text().splitlines() if "| seed" in line]
    assert [(row[1], row[3], row[-4], row[-2]) for row in note] == [
        ("seed2", "3", "3.0", "1.5"),
        ("seed1", "4", "3.0", "2.0"),
    ]


def test_a_shard_that_cannot_be_is_one_line_and_no_traceback(checkout: Path) -> None:
    arguments = ("-n", "--nolock", "--configfile", "config/mine.yaml", "--config", "shard_seeds=7")
    finished = in_checkout(checkout, "snakemake", "shard", *arguments)
    assert finished.returncode != 0 and "Traceback" not in finished.stdout
    said = "experiment: shard_seeds: '7' is none of the experiment's; allowed are 1, 2"
    assert [line for line in finished.stdout.splitlines() if "shard_seeds" in line] == [said]
