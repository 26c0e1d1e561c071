"""The analysis takes anybody's files and imports nothing of ours: what it reads is what the stages before it write."""

from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

from analysis.intake import samples, training_log, transcripts
from eapo_verl.record import step_log
from eapo_verl.record import transcripts as record
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


def test_rollouts() -> None:
    assert transcripts.FILE == record.FILE
