"""An arm's grid: what its trials replace, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from workflow.methods import ExperimentError
from workflow.tuning.grids import FILE, read_grid

PRESENT: dict[str, Any] = {
    "policy": "policy", "system_prompt": None,
    "training": {"optimiser": {"learning_rate": 3e-4, "clip_high": 0.28, "dynamic_sampling": False, "overlong": None}},
}  # fmt: skip


def grid(folder: Path, text: str, trials: int = 2) -> list[dict[str, Any]]:
    path = folder / "mine" / FILE
    path.parent.mkdir()
    path.write_text(text)
    return read_grid(path, trials, PRESENT)


def rate(value: str) -> str:
    return f"- {{}}\n- {{training: {{optimiser: {{learning_rate: {value}}}}}}}\n"


@pytest.mark.parametrize(
    ("value", "number"), [("1.0e-4", 1e-4), ("{times: 0.5}", 1.5e-4), ("{times: 3}", 9e-4), ("{times: 0}", 0.0)]
)
def test_a_number_is_given_or_so_many_times_the_present_one(tmp_path: Path, value: str, number: float) -> None:
    assert grid(tmp_path, rate(value)) == [{}, {"training": {"optimiser": {"learning_rate": number}}}]


def test_a_trial_replaces_what_it_likes(tmp_path: Path) -> None:
    text = (
        "- {}\n- {training: {optimiser: {overlong: {buffer: 0.2}, clip_high: {times: 2}}}, reward: {answer: exact}}\n"
    )
    optimiser = {"overlong": {"buffer": 0.2}, "clip_high": 0.56}
    assert grid(tmp_path, text)[1] == {"training": {"optimiser": optimiser}, "reward": {"answer": "exact"}}


WRONG = {
    "no list": ("{training: {}}", "needed is a list of trials, a mapping each"),
    "a trial that is no mapping": ("- {}\n- 3\n", "needed is a list of trials, a mapping each"),
    "nothing": ("", "needed is a list of trials"),
    "no YAML": ("- {]\n", "cannot be read: "),
    "too few": ("- {}\n", "1 trials; every arm has 2 (tuning.trials)"),
    "too many": ("- {}\n- {reward: {}}\n- {reward: {}}\n", "3 trials; every arm has 2"),
    "not the arm first": ("- {reward: {answer: exact}}\n- {}\n", "trial 1: it has to be {}, the arm as it is"),
    "twice the same": (rate("{times: 0.5}") + "- {training: {optimiser: {learning_rate: 1.5e-4}}}\n",
                       "trial 3 is trial 2 again"),
    "the arm again": ("- {}\n- {}\n", "trial 2 is trial 1 again"),
    "a longer run": ("- {}\n- {training: {budget: {steps: {times: 2}}}}\n",
                     "trial 2: training.budget.steps.times: no trial may replace it; fixed are title, "),
    "another temperature": ("- {}\n- {training: {optimiser: {temperature: 0.5}}}\n", "optimiser.temperature: no"),
    "another model": ("- {}\n- {policy: large}\n", "policy: no trial may replace it"),
    "what it spends": ("- {}\n- {spends: [rollouts]}\n", "spends: no trial may replace it"),
    "times nothing": (rate("{times: null}"), "training.optimiser.learning_rate: times is None, which is no number"),
    "times a truth": ("- {}\n- {training: {optimiser: {dynamic_sampling: {times: 2}}}}\n",
                      "training.optimiser.dynamic_sampling: the arm's value is False, which is no number"),
    "times an unknown key": ("- {}\n- {training: {optimizer: {rate: {times: 2}}}}\n",
                             "training.optimizer.rate: the arm's value is None, which is no number"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_grid_is_one_clear_line(tmp_path: Path, name: str) -> None:
    text, said = WRONG[name]
    trials = 3 if name == "twice the same" else 2
    with pytest.raises(ExperimentError) as caught:
        grid(tmp_path, text, trials)
    message = str(caught.value)
    assert message.startswith("baselines/mine/grid.yaml: ") and said in message and "\n" not in message


def test_an_arm_without_a_grid_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"^baselines/mine/grid\.yaml is missing: .* a grid of 4 trials"):
        read_grid(tmp_path / "mine" / FILE, 4, PRESENT)
