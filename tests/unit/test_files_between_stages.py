"""The analysis takes anybody's files and imports nothing of ours: what it reads is what the stages before it write."""

import json
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import yaml

from analysis.intake import arms, runs, samples, shards, training_log, transcripts
from eapo_verl.record import step_log
from eapo_verl.record import transcripts as record
from eapo_verl.record.costs import Costs
from eapo_verl.record.step_metrics import summarise
from tests.default_experiment import plan
from workflow.experiment import load_experiment
from workflow.keep_shard import keep
from workflow.plan import Plan
from workflow.plan_shards import Asked, ShardPlan
from workflow.sampling.journal import Completion
from workflow.sampling.output import Row


def test_samples() -> None:
    assert (
        samples.SAMPLE_FIELDS.items() <= {field.name: get_type_hints(Row)[field.name] for field in fields(Row)}.items()
    )
    assert get_args(get_type_hints(Completion)["finish_reason"]) == samples.FINISH_REASONS


def test_metrics(tmp_path: Path) -> None:
    log = step_log.StepLog(tmp_path / step_log.FILE, "eapo seed 1", total_steps=1, first_step=1)
    log.log({f"{step_log.PREFIX}{column}": value for column, value in summarise([], []).items()}, 1)
    (line,) = step_log.read_steps(tmp_path / step_log.FILE)
    assert set(training_log.COLUMNS) <= line.keys()


def test_costs() -> None:
    assert set(runs.COSTS) <= Costs().block().keys()


def test_arms(tmp_path: Path) -> None:
    config = Path("config/default.yaml")
    plan = Plan(load_experiment(yaml.safe_load(config.read_text()), str(config)), "default", tmp_path)
    (tmp_path / "arms.json").write_text(plan.arms_described())
    said = arms.read_arms(tmp_path / "arms.json")
    assert said["eapo"].title == "EAPO" and said["base"].look == ("#595959", "D")
    assert said["eapo_paper"].spends == ("expert_tokens",)


def test_rollouts() -> None:
    assert transcripts.FILE == record.FILE


def test_shards(tmp_path: Path) -> None:
    one = plan()
    asked = ShardPlan(one.experiment, one, Asked(("1",), ("base", "eapo")))
    said = json.loads(asked.description())
    made = {"git_sha": "f00", "hardware": {"cpu": "some"}, "model_sha256": "1", "startup_s": 2.0, "generation_s": 1.0}
    for path in asked.files():
        file = tmp_path / "results" / path.relative_to("results/default")
        file.parent.mkdir(parents=True, exist_ok=True)
        precision = "float32" if file.name == "run.json" else {"effective": "float32"}
        file.write_text(json.dumps(made | {"precision": precision, "wall_s": 60.0}))
    keep(tmp_path / "results", said, tmp_path / "kept")
    # Reading checks every field, and that the files are those that its cells need.
    shard = shards.read_shard(tmp_path / "kept")
    assert shard.cells == asked.cells == [("base", 0), ("eapo", 1)] and shard.declared == one.cells
    assert len(shard.files_of(("eapo", 1))) == len(one.experiment.benchmarks) + 3
    assert (shard.said["hardware"], shard.said["precision"]) == ([{"cpu": "some"}], ["float32"])
    assert shard.said["wall_s"] == {"training": 60.0, "sampling": 3.0}
