"""What a training run measured, step by step: its metrics.jsonl."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.json_lines import is_number, read_json_lines

VALIDATION = "accuracy_val_unassisted"
ACCEPTANCE = "acceptance_rate"
CONSULTS = "consult_rate"
COPIES = "copy_rate"
ASSISTED = "accuracy_train_assisted"
UNASSISTED = "accuracy_train_unassisted"
QUERIES, SHOWN, TURNS = "queries", "accepted", "turn_budget"
#: Tokens of a step: that the policy wrote, that experts wrote, and that experts gave log-probabilities of.
TOKENS = ("policy_tokens", "expert_tokens", "expert_tokens_scored")
#: What is read of a step beside its number; all but the first may be absent.
COLUMNS = (VALIDATION, ACCEPTANCE, CONSULTS, COPIES, ASSISTED, UNASSISTED, QUERIES, SHOWN, TURNS, *TOKENS)


class TrainingLog(NamedTuple):
    """The steps of a run.

    Attributes:
        method: of the run.
        seed: of the run.
        steps: indexed by the step (0 is before training), in order; NaN where a step did not measure a column, or the
            file does not have it. Columns: accuracy_val_unassisted, acceptance_rate (the schedule's), consult_rate
            (rollouts that asked), copy_rate, accuracy_train_assisted and accuracy_train_unassisted (rollouts with and
            without an accepted reply), all from 0 to 1; queries, and accepted, those of them whose reply the policy was
            shown; turn_budget, how often a rollout may consult; the tokens of ``TOKENS``. Of this step alone.
    """

    method: str
    seed: int
    steps: pd.DataFrame

    def measured(self, column: str) -> pd.Series:
        """The steps at which ``column`` was measured."""
        return self.steps[column].dropna()


def read_training_log(method: str, seed: int, path: Path) -> TrainingLog:
    """Read a metrics.jsonl; of a step that is there twice the last line counts, as after a resume.

    Raises:
        InputError: unreadable, no line, no step or accuracy_val_unassisted in one, a value that is no number.
    """
    rows: dict[int, dict[str, float]] = {}
    for where, row in read_json_lines(path):
        if type(row.get("step")) is not int or VALIDATION not in row:
            raise InputError(f"{where}: needed are step, an integer, and {VALIDATION}, a number or null")
        rows[row["step"]] = {column: _number(where, column, row.get(column)) for column in COLUMNS}
    if not rows:
        raise InputError(f"{path}: has no step")
    return TrainingLog(method, seed, pd.DataFrame.from_dict(rows, orient="index").sort_index())


def _number(where: str, column: str, value: object) -> float:
    if value is None:
        return math.nan
    if not is_number(value):
        raise InputError(f"{where}: {column} is {str(value)[:40]!r}: needed is a number or null")
    return float(value)
