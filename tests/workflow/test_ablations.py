"""config/ablations.yaml: every arm is another one with one thing changed, and every kind of expert is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.default_experiment import REMOTE, broken, run
from workflow.experiment import Experiment, load_experiment
from workflow.methods import ExperimentError, leaves
from workflow.plan import Plan

FILE = Path("config/ablations.yaml")
SPOILED: dict[str, dict[str, Any]] = {
    "wrong_at_times": {"kind": "wrong", "probability": 0.3}, "always_wrong": {"kind": "wrong"},
    "another_problem": {"kind": "another_problem"}, "sub_question": {"kind": "sub_question"},
}  # fmt: skip
#: What an arm has that the one it is named after has not, by its dotted key.
CHANGED: dict[str, dict[str, Any]] = {
    "eapo_no_gate": {"consultation.trigger": "learned"},
    "eapo_random_gate": {"consultation.trigger": "random", "consultation.random_p": None},
    "eapo_no_bonus": {"reward.bonus.peak": 0.0},
    "eapo_no_cost": {"reward.cost.peak": 0.0},
    "eapo_constant_shaping": {
        "reward.bonus.kind": "constant", "reward.bonus.start": 0.5,
        "reward.cost.kind": "constant", "reward.cost.start": 0.5,
    },
    "eapo_no_internalization": {"internalization.weight.peak": 0.0},
    "eapo_replies_internalized": {"internalization.target": "expert_reply"},
    "eapo_acceptance_constant": {"consultation.acceptance.kind": "constant"},
    "eapo_acceptance_s5": {"consultation.acceptance.kind": "scaled_reciprocal", "consultation.acceptance.s0": 5.0},
    "eapo_acceptance_s20": {"consultation.acceptance.kind": "scaled_reciprocal"},
    "eapo_acceptance_linear": {"consultation.acceptance.kind": "linear", "consultation.acceptance.end": 0.0},
    "eapo_no_contraction": {"consultation.turns.evaluation": 10},
    "eapo_sequential": {"consultation.max_queries": 1, "consultation.turns.train": 30},
    "eapo_one_query": {"consultation.max_queries": 1},
    "eapo_replies_unmasked": {"consultation.train_on_replies": True},
    "eapo_f1_reward": {"reward.answer": "f1_paper"},
    "eapo_f1_no_credit": {"reward.answer": "f1"},
    "eapo_paper_with_gate": {"consultation.trigger": "confidence_gated"},
    "eapo_paper_with_bonus": {"reward.bonus.peak": 0.1, "reward.bonus.kind": "linear", "reward.bonus.end": 0.0},
    "eapo_paper_with_cost": {
        "reward.cost.peak": 0.1, "reward.cost.kind": "linear", "reward.cost.start": 0.0, "reward.cost.end": 1.0
    },
    "eapo_paper_with_internalization": {"internalization.weight.peak": 1.0},
    "eapo_paper_with_exact_reward": {"reward.answer": "exact"},
    "eapo_paper_no_credit": {"reward.answer": "f1"},
    "eapo_one_expert": {"experts": ["expert_a"]},
    "eapo_homogeneous": {"experts": ["itself"]},
    "eapo_weaker_expert": {"experts": ["weaker"]},
    "eapo_stronger_expert": {"experts": ["stronger"]},
    "eapo_different_experts": {"experts": ["weaker", "stronger"]},
    "eapo_wrong_at_times": {"experts": ["wrong_at_times"]},
    "eapo_always_wrong": {"experts": ["always_wrong"]},
    "eapo_another_problem": {"experts": ["another_problem"]},
    "eapo_sub_question": {"experts": ["sub_question"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment(yaml.safe_load(FILE.read_text()), str(FILE))


def told(experiment: Experiment, arm: str) -> dict[str, Any]:
    """What the run of an arm is told, by dotted key; experts by their names, in the experiment's order."""
    found = dict(leaves(experiment.arms[arm].model_dump(mode="json")))
    experts = [one.name for one in experiment.experts_named(found["experts"])]
    return found | {"experts": experts}


def test_every_ablation_changes_what_it_says_and_nothing_else(experiment: Experiment) -> None:
    assert set(CHANGED) == set(experiment.variants) == set(experiment.methods) - {
        "self_exploratory", "eapo", "eapo_paper"
    }  # fmt: skip
    assert told(experiment, "eapo")["experts"] == ["expert_a", "expert_b"]
    for arm, changes in CHANGED.items():
        of = experiment.variants[arm].of
        assert arm.startswith(of) and of == ("eapo_paper" if arm.startswith("eapo_paper") else "eapo")
        before, after = told(experiment, of), told(experiment, arm)
        assert {key: after[key] for key in before if before[key] != after[key]} == changes, arm
        assert before.keys() == after.keys()


def test_every_ablation_is_tested_once_against_the_arm_that_differs_in_it(experiment: Experiment) -> None:
    tested = {frozenset(pair) for _, *pair in experiment.ablations}
    assert len(tested) == len(experiment.ablations) == len(CHANGED)
    for arm in CHANGED:
        asks = list(CHANGED[arm]) == ["experts"] and arm != "eapo_one_expert"
        beside = "eapo_one_expert" if asks else experiment.variants[arm].of
        beside = "eapo_f1_reward" if arm == "eapo_f1_no_credit" else beside
        assert {arm, beside} in tested, arm


def test_every_arm_has_the_whole_budget_and_runs_of_its_own(experiment: Experiment) -> None:
    plan = Plan(experiment, "ablations", Path("results/ablations"))
    shared = {f"training.{key}": value for key, value in leaves(experiment.training.model_dump(mode="json"))}
    assert len(experiment.seeds) >= 3
    assert len({plan.identity(method, seed) for method, seed in plan.trained}) == len(plan.trained)
    assert all(told(experiment, arm).items() >= shared.items() for arm in plan.trained_arms)
    titles = [one["title"] for one in json.loads(plan.arms_described()).values()]
    assert len(set(titles)) == len(titles)


def test_whoever_is_spoiled_is_so_for_the_run_and_is_else_expert_a(experiment: Experiment) -> None:
    plan = Plan(experiment, "ablations", Path("results/ablations"))
    (plain,) = yaml.safe_load(plan.settings("eapo_one_expert", 1))["experts"]
    for name, conduct in SPOILED.items():
        arm = f"eapo_{name}"
        (expert,) = yaml.safe_load(plan.settings(arm, 1))["experts"]
        assert expert == plain | {"name": name, "conduct": {"kind": conduct["kind"], "probability": 1.0} | conduct}
        assert plan.served_models(arm, "training") == plan.served_models("eapo_one_expert", "training")


def test_an_expert_that_has_to_be_named_is_asked_by_nobody_else() -> None:
    more = [*broken()["experts"], REMOTE | {"named_only": True}]
    mine = {"variants": {"mine": {"of": "eapo", "experts": ["far"]}}, "methods": ["eapo", "mine"]}
    declared = mine | {"experts": more, "comparisons": [["eapo", "mine"]]}
    assert [one["name"] for one in run("eapo", **declared)["experts"]] == ["expert_a", "expert_b"]
    (far,) = run("mine", **declared)["experts"]
    assert far["name"] == "far" and "named_only" not in far
    # Who is asked is what a run is told apart by, and not how it came to be so.
    assert run("eapo", **declared)["config_sha256"] == run("eapo")["config_sha256"]
    open_to_all = [*broken()["experts"], REMOTE]
    alike = run("mine", **declared | {"experts": open_to_all})
    assert alike["config_sha256"] == run("mine", **declared)["config_sha256"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"experts__0__conduct": {"kind": "sly"}}, "experts.0.conduct.kind: Input should be 'honest', 'wrong'"),
        ({"experts__0__conduct": {"probability": 2}}, "experts.0.conduct.probability: Input should be less than"),
        ({"experts__0__named_only": "perhaps"}, "experts.0.named_only: Input should be a valid boolean"),
        ({"consultation__random_p": 1.5}, "consultation.random_p: Input should be less than or equal to 1"),
        (
            {"consultation__random_p": None, "consultation__confidence__threshold": -0.1},
            "random_p: null takes the share of a running threshold",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_allowed_is_one_line(changes: dict[str, Any], said: str) -> None:
    config = broken(**{key: value for key, value in changes.items() if value is not None})
    if "consultation__random_p" in changes:
        config["consultation"]["random_p"] = changes["consultation__random_p"]
    with pytest.raises(ExperimentError) as caught:
        load_experiment(config, "c")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_shards_that_are_documented_hold_every_arm_once(experiment: Experiment) -> None:
    text = Path("docs/ablations.md").read_text()
    halves = [arms.split() for arms in re.findall(r'^(?:PARTS|OTHERS)="([^"]*)"$', text, re.MULTILINE)]
    assert [arm for half in halves for arm in half] == list(experiment.methods)
    assert len(halves) == 2 and abs(len(halves[0]) - len(halves[1])) <= 1
