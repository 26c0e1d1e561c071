"""What is read of a run's metrics.jsonl."""

import json
from pathlib import Path

import pytest

from analysis import InputError
from analysis.intake.training_log import read_training_log


def test_a_training_log_may_lack_columns(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [
        {"step": 0, "accuracy_val_unassisted": 0.25},
        {"step": 2, "accuracy_val_unassisted": 1, "consult_rate": 0.5, "reward_mean": 3},
        {"step": 1, "accuracy_val_unassisted": None, "consult_rate": None},
        {"step": 2, "accuracy_val_unassisted": 0.75, "consult_rate": 0.25},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = read_training_log("eapo", 1, path)
    assert read.measured("accuracy_val_unassisted").to_dict() == {0: 0.25, 2: 0.75}
    assert read.measured("consult_rate").to_dict() == {2: 0.25}
    assert read.measured("copy_rate").empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"step": 1}', ":1: needed are step, an integer, and accuracy_val_unassisted"),
        ('{"step": "1", "accuracy_val_unassisted": 0.1}', ":1: needed are step, an integer"),
        (
            '{"step": 1, "accuracy_val_unassisted": "x"}',
            ":1: accuracy_val_unassisted is 'x': needed is a number or null",
        ),
        ('{"step": 1, "accuracy_val_unassisted": NaN}', ":1: accuracy_val_unassisted is 'nan'"),
        ('{"step": 1, "accuracy_val_unassisted": 0.1, "copy_rate": true}', ":1: copy_rate is 'True'"),
        ("{broken", ":1: is not JSON"),
        ("", ": has no step"),
    ],
)
def test_broken_training_logs_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_training_log("eapo", 1, path)
    assert said in str(caught.value)
