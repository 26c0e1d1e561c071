"""The analysis takes anybody's files and imports nothing of ours: what it reads is what the stages before it write."""

from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import yaml

from analysis.intake import arms, runs, samples, training_log, transcripts
from eapo_verl.record import step_log
from eapo_verl.record import transcripts as record
from eapo_verl.record.costs import Costs
from workflow.experiment import load_experiment
from workflow.plan import Plan
from workflow.sampling.journal import Completion
from workflow.sampling.output import Row


def test_samples() -> None:
    assert (
        samples.SAMPLE_FIELDS.items() <= {field.name: get_type_hints(Row)[field.name] for field in fields(Row)}.items()
    )
    assert get_args(get_type_hints(Completion)["finish_reason"]) == samples.FINISH_REASONS


def test_metrics(tmp_path: Path) -> None:
    log = step_log.StepLog(tmp_path / step_log.FILE, "eapo seed 1", total_steps=1, first_step=1)
    log.log({}, 1)
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
