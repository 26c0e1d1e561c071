"""``metrics.jsonl``: one line a training step, written as training goes, and the progress line that a person reads."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eapo_verl.record.files import write_whole

#: Its name, in the checkpoint folder and in the run's.
FILE = "metrics.jsonl"
#: verl's name for each column that it measures itself; the rest comes from :mod:`eapo_verl.engine.trainer`.
_FROM_VERL = {
    "entropy": "actor/entropy",
    "grad_norm": "actor/grad_norm",
    # The mean of the mini-batches' losses, each in nats a token, see eapo_verl.settings.distillation.
    "distillation_loss": "actor/distillation/loss",
    "seconds_generation": "timing_s/gen",
    "seconds_old_log_prob": "timing_s/old_log_prob",
    "seconds_update": "timing_s/update_actor",
    "seconds_weight_sync": "timing_s/update_weights",
    "seconds_validation": "timing_s/testing",
    "seconds_checkpoint": "timing_s/save_checkpoint",
}
#: Prefix of the metrics that :mod:`eapo_verl.engine.trainer` adds; columns that a step may lack are null there.
PREFIX = "eapo/"
_SOMETIMES = (
    "accuracy_train",
    "accuracy_train_assisted",
    "accuracy_train_unassisted",
    "acceptance_rate",
    "confidence",
    "confidence_threshold",
    "consult_rate",
    "copy_rate",
    "failed_rollouts",
    "failed_validation_rollouts",
    "mfu",
    "mfu_update",
    "mismatch_kl",
    "queries_per_turn",
    "response_length",
    "reward_mean",
    "turn_budget",
)


def read_steps(path: Path, before: int | None = None) -> list[dict[str, Any]]:
    """The lines of a metrics file in order, those of steps below ``before`` only if it is given; [] without a file.

    A last line without its end, left by a killed process, is not a line yet: its step will be repeated.
    """
    if not path.exists():
        return []
    whole = [text for text in path.read_text(encoding="utf-8").splitlines(keepends=True) if text.endswith("\n")]
    lines = [json.loads(text) for text in whole]
    return [line for line in lines if before is None or line["step"] < before]


def with_validation(lines: list[dict[str, Any]], measured: Mapping[int, Mapping[str, float]]) -> list[dict[str, Any]]:
    """A run's lines with the columns that were measured after its steps, and before the first line step 0's."""
    before: dict[str, Any] = dict.fromkeys(lines[0]) | {"step": 0}
    return [line | dict(measured.get(line["step"], {})) for line in (before, *lines)]


class StepLog:
    """A backend for verl's ``Tracking``: receives every step's metrics and appends one line to ``metrics.jsonl``.

    Args:
        path: the file; lines of an earlier attempt are kept up to the step that training resumes from.
        label: what the progress line starts with.
        total_steps: steps of the whole run.
        first_step: the step that the first line will be for; later lines of an earlier attempt are dropped.
    """

    def __init__(self, path: Path, label: str, total_steps: int, first_step: int) -> None:
        self._path = path
        self._label = label
        self._total = total_steps
        kept = read_steps(path, before=first_step)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._started = time.monotonic()
        self._first_step = first_step
        self._added: dict[str, Any] = {}

    def add(self, columns: Mapping[str, Any]) -> None:
        """Add columns that are no numbers, which other backends do not take, to the next line."""
        self._added |= columns

    def log(self, data: dict[str, Any], step: int) -> None:
        """Append the line of ``step`` and print the progress line."""
        line = {"step": step} | self._columns(data) | self._added
        self._added = {}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(self._progress(line), flush=True)

    def finish(self, exit_code: int = 0) -> None:
        """Nothing is held open between steps."""

    @staticmethod
    def _columns(data: dict[str, Any]) -> dict[str, Any]:
        validation = [value for key, value in data.items() if key.startswith("val-core/") and "/acc/mean@" in key]
        columns: dict[str, Any] = {
            column: float(data[name]) if name in data else None for column, name in _FROM_VERL.items()
        }
        columns["accuracy_val_unassisted"] = float(validation[0]) if validation else None
        columns["seconds"] = (
            data["timing_s/step"] + data.get("timing_s/testing", 0.0) if "timing_s/step" in data else None
        )
        columns |= dict.fromkeys(_SOMETIMES)
        columns |= {key.removeprefix(PREFIX): value for key, value in data.items() if key.startswith(PREFIX)}
        return columns

    def _progress(self, line: dict[str, Any]) -> str:
        done = line["step"] - self._first_step + 1
        pieces = [f"progress: {self._label}: step {line['step']}/{self._total}"]
        if line["reward_mean"] is not None:
            pieces.append(f"reward {line['reward_mean']:.3f}")
        if line["accuracy_val_unassisted"] is not None:
            pieces.append(f"validation {line['accuracy_val_unassisted']:.3f}")
        if line["seconds"] is not None and done > 0:
            left = (time.monotonic() - self._started) / done * (self._total - line["step"])
            pieces.append(f"{line['seconds']:.1f} s/step, {int(left) // 60}:{int(left) % 60:02d} left")
        return ", ".join(pieces)
