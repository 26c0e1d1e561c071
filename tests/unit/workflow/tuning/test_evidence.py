"""Scores of trials, the choice among them, and the rule file that tells of both."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflow.command import run_command
from workflow.tuning.__main__ import main
from workflow.tuning.rule import choose, read_rule

PROBLEMS, SAMPLES = 16, 2
SEEDS = (101, 102)
CHANGED = {"training": {"optimiser": {"learning_rate": 6e-4}}}


@pytest.mark.parametrize(
    ("scores", "chosen"), [((0.2, 0.5, 0.4), 2), ((0.5, 0.5, 0.4), 1), ((0.1, 0.3, 0.3), 2), ((0.0, 0.0, 0.0), 1)]
)
def test_the_highest_is_chosen_and_of_equal_ones_the_first(scores: Sequence[float], chosen: int) -> None:
    assert choose(scores) == chosen


def write_run(folder: Path, accuracies: Sequence[float | None], **manifest: Any) -> None:
    """A run that was validated before and after its steps."""
    folder.mkdir(parents=True)
    lines = [{"step": step, "accuracy_val_unassisted": value} for step, value in enumerate(accuracies)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    hardware = {"cpu": "some", "cores": 2, "accelerators": [], "memory_gib": 1.5}
    own = {"config_sha256": folder.name, "git_sha": "abc", "hardware": hardware} | manifest
    (folder / "run.json").write_text(json.dumps(own))


def job(folder: Path, arms: dict[str, list[list[str]]]) -> list[str]:
    """The command that reads the runs of each arm's trials, which are told apart by their folders' names."""
    described = {
        name: [
            {"changes": CHANGED if place else {}, "runs": [str(folder / run) for run in runs], "config_sha256": runs}
            for place, runs in enumerate(trials)
        ]
        for name, trials in arms.items()
    }
    settings = {
        "experiment": "mine", "made_for": {"policy": {"source": "smollm2"}}, "seeds": list(SEEDS),
        "validation": {"source": "embedded", "size": PROBLEMS, "seed": 13}, "validation_samples": SAMPLES,
        "arms": described,
    }  # fmt: skip
    (folder / "job.yaml").write_text(yaml.safe_dump(settings))
    rows = [{"id": str(number), "problem": f"{number}+1"} for number in range(PROBLEMS)]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    problems, out = str(folder / "problems.jsonl"), str(folder / "tuned.yaml")
    return [str(folder / "job.yaml"), "--problems", problems, "--out", out]


def test_a_trial_scores_the_mean_over_seeds_of_the_last_validation(tmp_path: Path) -> None:
    write_run(tmp_path / "a1", [0.9, None, 0.25])
    write_run(tmp_path / "a2", [0.9, 0.5, None])
    # The second trial's second run left out four problems, whose prompts are too long.
    write_run(tmp_path / "b1", [0.0, 0.5, 0.75], dropped_prompts={"train": 1, "validation": 0})
    write_run(tmp_path / "b2", [0.0, None, 0.5], dropped_prompts={"train": 0, "validation": 4}, git_sha="def")
    assert run_command("tune", main, job(tmp_path, {"eapo": [["a1", "a2"], ["b1", "b2"]]})) == 0
    rule = read_rule(tmp_path / "tuned.yaml")
    first, second = rule.arms["eapo"].trials
    assert (first.score, second.score) == (0.375, 0.625)
    assert (first.accuracies, second.accuracies) == ((0.25, 0.5), (0.75, 0.5))
    assert (first.answers, second.answers) == (2 * 16 * 2, (16 + 12) * 2)
    assert first.standard_error == pytest.approx(math.sqrt(0.375 * 0.625 / 16), abs=1e-6)
    assert second.standard_error == pytest.approx(math.sqrt(0.625 * 0.375 / 12), abs=1e-6)
    assert rule.arms["eapo"].chosen == 2 and rule.choices == {"eapo": CHANGED}
    assert second.config_sha256 == ("b1", "b2") and rule.commits == ("abc", "def")
    assert rule.hardware == ({"cpu": "some", "cores": 2, "accelerators": []},)


def test_where_nothing_is_better_the_arm_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, [0.5])
    assert run_command("tune", main, job(tmp_path, {"eapo": [["a"], ["b"]]})) == 0
    assert read_rule(tmp_path / "tuned.yaml").choices == {"eapo": {}}
    assert "tune: eapo: trial 1 of 2 (the arm as it is); scores 0.500, 0.500\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda folder: None, "the run cannot be read"),
        (
            lambda folder: write_run(folder, [0.5], config_sha256="other"),
            "run.json is that of another run (other, not b)",
        ),
        (lambda folder: write_run(folder, [None, None]), "holds no validation accuracy"),
        (lambda folder: write_run(folder, [0.5, math.nan]), "holds no validation accuracy"),
    ],
    ids=["missing", "of another trial", "not validated", "no number"],
)
def test_a_run_that_tells_nothing_leaves_the_old_file(
    tmp_path: Path, capsys: pytest.CaptureFixture, run: Any, said: str
) -> None:
    write_run(tmp_path / "a", [0.5])
    run(tmp_path / "b")
    (tmp_path / "tuned.yaml").write_text("old")
    assert run_command("tune", main, job(tmp_path, {"eapo": [["a"], ["b"]]})) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"tune: {tmp_path / 'b'}: ") and said in told and told.count("\n") == 1
    assert (tmp_path / "tuned.yaml").read_text() == "old"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (("arms", "eapo", "chosen"), 2, "arms.eapo: chosen is 2, but by the scores it is trial 1"),
        (("arms", "eapo", "trials", 1, "score"), 0.9, "arms.eapo: chosen is 1, but by the scores it is trial 2"),
        (("arms", "eapo", "trials", 1, "score"), 1.5, "arms.eapo.trials.1.score: Input should be less than"),
        (("arms", "eapo", "by"), "hand", "arms.eapo.by: Extra inputs are not permitted"),
        (("seeds",), None, "seeds: Input should be a valid tuple"),
    ],
)
def test_a_file_that_is_changed_by_hand_is_refused(tmp_path: Path, key: tuple, value: Any, said: str) -> None:
    write_run(tmp_path / "a", [0.5])
    write_run(tmp_path / "b", [0.25])
    assert run_command("tune", main, job(tmp_path, {"eapo": [["a"], ["b"]]})) == 0
    content = yaml.safe_load((tmp_path / "tuned.yaml").read_text())
    node = content
    for part in key[:-1]:
        node = node[part]
    node[key[-1]] = value
    (tmp_path / "tuned.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError) as caught:
        read_rule(tmp_path / "tuned.yaml")
    assert str(caught.value).startswith(f"tuned: {tmp_path / 'tuned.yaml'}: ") and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_whose_arms_had_unequal_chances_is_refused(tmp_path: Path) -> None:
    for name, accuracy in {"a": 0.5, "b": 0.25, "c": 0.125}.items():
        write_run(tmp_path / name, [accuracy])
    job_of = {"eapo": [["a"], ["b"]], "self_exploratory": [["a"], ["b"], ["c"]]}
    with pytest.raises(ValueError, match="arms: not all have the same number of trials"):
        main(job(tmp_path, job_of))
    assert not (tmp_path / "tuned.yaml").exists()
