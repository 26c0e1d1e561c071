"""A run that starts from another run's model, or costs what another one has cost."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from eapo_verl.record import manifest
from eapo_verl.record.costs import Costs
from eapo_verl.record.other_runs import costs_of_start, read_costs, with_match
from eapo_verl.settings.run import RunError, RunSettings
from eapo_verl.train import load_settings

#: One parameter, so that FLOPs are 2 a token read or written: of 32 rollouts of 10 tokens, of one that asks for as much
#: again, and of one that was only taught (6 a token).
PLAIN = Costs(policy_tokens_sampled=320, rollouts=32, policy_parameters=1)
ASKING = PLAIN._replace(expert_tokens=80, expert_requests=20, expert_flops=640.0, expert_parameters={"wise": 4})
TAUGHT = Costs(policy_tokens_trained=50, optimiser_steps=5, expert_tokens=10, expert_flops=80.0, policy_parameters=1)
BUDGET = {"steps": 4, "prompts_per_step": 2, "rollouts_per_prompt": 4, "validate_every": 1, "validation_samples": 1,
          "checkpoint_every": 1}  # fmt: skip


def settings(folder: Path, costs: dict[str, Costs], **changes: Any) -> dict[str, Any]:
    """Of a run beside others that have cost so much."""
    runs = {name: folder / f"{name}.json" for name in costs}
    for name, path in runs.items():
        path.write_text(json.dumps({"costs": costs[name].block()}))
    own = {
        "experiment": "e", "method": "m", "kind": "rl", "seed": 1, "policy": "model", "train_file": "t",
        "validation_file": "v", "consultation": {"trigger": "never"}, "budget": BUDGET,
        "optimiser": {"learning_rate": 1e-3}, "lengths": {"prompt": 8, "response": 8}, "config_sha256": "0" * 64,
        "runs": {name: str(path) for name, path in runs.items()},
    }  # fmt: skip
    return own | changes


def match(by: str) -> dict[str, str]:
    return {"arm": "asking", "like": "plain", "by": by}


def test_experts_tokens_are_paid_in_rollouts(tmp_path: Path) -> None:
    fields = settings(tmp_path, {"asking": ASKING, "plain": PLAIN}, match=match("rollouts_per_prompt"))
    made = with_match(RunSettings(**fields))
    assert made.budget.rollouts_per_prompt == 8 and made.budget.steps == 4
    assert made.matched is not None and made.matched.model_dump() == {
        "by": "rollouts_per_prompt", "given": 4, "made": 8, "flops": 1280.0, "flops_a_rollout": 20.0, "flops_over": 0.0
    }  # fmt: skip
    departure = {"training.budget.rollouts_per_prompt": {"experiment": 4, "arm": 8}}
    assert {key: one.model_dump() for key, one in made.departures.items()} == departure
    # Checkpoints of another number are not gone on from.
    assert made.checkpoint_name == "000000000000-8" != RunSettings(**fields).checkpoint_name


def test_what_the_start_has_cost_is_not_spent_again(tmp_path: Path) -> None:
    costs = {"asking": ASKING, "plain": PLAIN, "taught": TAUGHT}
    made = with_match(RunSettings(**settings(tmp_path, costs, match=match("steps"), start_from="taught")))
    # 1280 - 380 FLOPs at 160 a step: 5.6 steps.
    assert made.budget.steps == 6 and made.budget.rollouts_per_prompt == 4
    assert made.matched is not None and made.matched.flops_over == pytest.approx(60.0)


def test_an_arm_that_declares_another_budget_departs_from_the_experiments(tmp_path: Path) -> None:
    fields = settings(tmp_path, {"asking": ASKING, "plain": PLAIN}, match=match("steps"))
    declared = {"departures": {"training.budget.steps": {"experiment": 9, "arm": 4}}}
    assert with_match(RunSettings(**fields | declared)).departures["training.budget.steps"].experiment == 9


def test_a_run_that_goes_by_no_other_is_as_it_was(tmp_path: Path) -> None:
    alone = RunSettings(**settings(tmp_path, {}))
    assert with_match(alone) is alone and costs_of_start(alone) is None
    assert alone.checkpoint_name == "0" * 12


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"asking": ASKING._replace(expert_flops=None), "plain": PLAIN, "taught": TAUGHT},
         "asking.json: the run's FLOPs are not known"),
        ({"asking": TAUGHT, "plain": PLAIN, "taught": ASKING},
         "match: the run of asking has cost 380 FLOPs, the model that this one starts from 1.28e+03: -900 are left"),
        ({"asking": ASKING, "plain": PLAIN}, "runs: the run of taught is not among them"),
    ],
)  # fmt: skip
def test_a_match_that_cannot_be_is_one_line(tmp_path: Path, costs: dict[str, Costs], said: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(settings(tmp_path, costs, match=match("steps"), start_from="taught")))
    with pytest.raises(RunError) as caught:
        load_settings(file)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"costs": {}}', '{"costs": 1}'])
def test_a_run_json_without_costs_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "run.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=r"run\.json: it does not say what the run cost"):
        read_costs(file)


def test_the_costs_of_a_run_are_those_of_its_start_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some"})
    monkeypatch.setattr(manifest, "count_parameters", lambda folder: 1)
    steps = [{"step": 1, "seconds": 1.0, "policy_tokens": 40, "rollouts": 4, "optimiser_steps": 1}] * 2
    run = RunSettings(**settings(tmp_path, {"taught": TAUGHT}, start_from="taught"))
    manifest.write_manifest(
        tmp_path / "run.json", run, steps, {}, {}, 1.0, [{"git_sha": "abc", "resumed_from_step": 0}], {}
    )
    written = json.loads((tmp_path / "run.json").read_text())
    assert written["costs_of_start"] == TAUGHT.block()
    both = read_costs(tmp_path / "run.json")
    assert (both.policy_tokens_sampled, both.policy_tokens_trained, both.optimiser_steps) == (80, 50, 7)
    assert written["costs"]["flops"] == both.flops == 2 * 80 + 6 * 50 + 80.0
    assert written["policy_tokens"] == 80
