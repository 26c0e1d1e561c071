"""metrics.jsonl and what is summed from it."""

import json
from pathlib import Path

from eapo_verl.record.step_log import StepLog, read_steps, with_validation


def line(step: int, **extra: float) -> dict:
    return {"eapo/reward_mean": 0.5, "timing_s/step": 2.0, "eapo/consult_rate": 0.25} | extra


def test_one_line_a_step_with_every_column(tmp_path: Path, capsys) -> None:
    log = StepLog(tmp_path / "metrics.jsonl", "eapo seed 1", total_steps=2, first_step=0)
    log.log({"val-core/validation/acc/mean@4": 0.3}, step=0)
    log.log(line(1, **{"timing_s/testing": 1.0, "actor/distillation/loss": 0.7}), step=1)
    first, second = read_steps(tmp_path / "metrics.jsonl")
    assert first["accuracy_val_unassisted"] == 0.3 and first["reward_mean"] is None
    assert second["reward_mean"] == 0.5 and second["seconds"] == 3.0 and second["consult_rate"] == 0.25
    assert (first["distillation_loss"], second["distillation_loss"]) == (None, 0.7)
    required = "step reward_mean accuracy_train accuracy_val_unassisted acceptance_rate consult_rate turn_budget"
    for column in (*required.split(), "entropy", "response_length", "grad_norm", "seconds"):
        assert column in first and column in second
    assert "progress: eapo seed 1: step 1/2, reward 0.500" in capsys.readouterr().out


def test_a_resumed_run_replaces_the_steps_it_repeats(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = StepLog(path, "x", total_steps=4, first_step=1)
    for step in (1, 2, 3):
        log.log(line(step), step)
    resumed = StepLog(path, "x", total_steps=4, first_step=3)
    resumed.log(line(3, **{"eapo/reward_mean": 0.9}), 3)
    assert [(row["step"], row["reward_mean"]) for row in read_steps(path)] == [(1, 0.5), (2, 0.5), (3, 0.9)]


def test_a_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"step": 1, "reward_mean": 0.1}) + "\n" + '{"step": 2, "rew')
    assert [row["step"] for row in read_steps(path)] == [1]


def test_a_validation_after_training_is_in_its_steps_and_in_one_before_them() -> None:
    lines = [{"step": step, "loss": 0.5, "accuracy_val_unassisted": None} for step in (1, 2)]
    made = with_validation(lines, {0: {"accuracy_val_unassisted": 0.25}, 2: {"accuracy_val_unassisted": 0.75}})
    assert made == [
        {"step": 0, "loss": None, "accuracy_val_unassisted": 0.25},
        {"step": 1, "loss": 0.5, "accuracy_val_unassisted": None},
        {"step": 2, "loss": 0.5, "accuracy_val_unassisted": 0.75},
    ]
