"""The experiment's schema: what ships is valid, and what is broken is said in one line."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflow.experiment import ExperimentError, load_experiment, methods
from workflow.plan import Plan

CONFIGS = sorted(Path("config").glob("*.yaml"))
DEFAULT = yaml.safe_load(Path("config/default.yaml").read_text())


def broken(**changes: Any) -> dict[str, Any]:
    """The default experiment with dotted keys replaced; None as a value removes the key."""
    config = copy.deepcopy(DEFAULT)
    for key, value in changes.items():
        *path, last = key.split("__")
        node = config
        for part in path:
            node = node[int(part)] if part.isdigit() else node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    load_experiment(yaml.safe_load(path.read_text()), str(path))


BROKEN = {
    "unknown key": (broken(sedes=[1]), "sedes"),
    "unknown nested key": (broken(training__budget__stepz=3), "training.budget.stepz"),
    "wrong type": (broken(training__budget__steps="many"), "training.budget.steps"),
    "unknown method": (broken(methods=["self_exploratory", "magic"]), "allowed are eapo, eapo_paper, self_exploratory"),
    "no seeds": (broken(seeds=[]), "seeds"),
    "seed twice": (broken(seeds=[1, 1]), "seeds"),
    "expert without base_url": (broken(experts=[{"name": "far", "model": "m"}]), "base_url"),
    "expert without model": (broken(experts=[{"name": "far", "base_url": "http://h/v1"}]), "model"),
    "expert with a strange url": (broken(experts=[{"name": "far", "base_url": "h", "model": "m"}]), "base_url"),
    "no expert": (broken(experts=[]), "experts"),
    "K below 1": (broken(consultation__max_queries=0), "consultation.max_queries"),
    "k above samples": (broken(evaluation__k=33), "k (33) cannot be larger than samples (32)"),
    "missing benchmark file": (broken(benchmarks={"aime_2024": {"source": "public", "path": "no.jsonl"}}), "no.jsonl"),
    "unknown acceptance": (broken(consultation__acceptance={"kind": "sudden"}), "consultation.acceptance.kind"),
    "unknown policy": (broken(policy="gpt"), "policy"),
    "uneven mini-batches": (broken(training__budget__mini_batches=5), "mini_batches"),
    "comparison with a stranger": (broken(comparisons=[["eapo", "magic"]]), "comparisons"),
    "variant of a stranger": (broken(variants={"mine": {"of": "magic"}}), "variants.mine.of: 'magic' is unknown"),
    "variant with an unknown key": (
        broken(variants={"mine": {"of": "eapo", "reward": {"bonsu": 1}}}, methods=["mine"],
               comparisons=[["mine", "base"]]),
        "method mine: reward: bonsu: Extra inputs are not permitted",
    ),
    "bonus and cost beyond the answer": (broken(reward__bonus={"peak": 1.0}, methods=["self_exploratory"],
                                                comparisons=[["self_exploratory", "base"]]), "add up to 1 or more"),
    "unknown reward": (broken(reward__answer="bleu"), "allowed are exact, f1_paper"),
    "ablation with a stranger": (broken(ablations=[["gate", "eapo", "magic"]]), "ablations"),
    "tags alike": (broken(consultation__tags={"consult_open": "<reply>"}), "told apart"),
    "turns that grow": (broken(consultation__turns={"train": 1, "evaluation": 2}), "consultation.turns"),
    "no budget": (broken(training__budget=None), "training.budget"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_configurations_are_one_clear_line(name: str) -> None:
    config, said = BROKEN[name]
    with pytest.raises(ExperimentError) as caught:
        load_experiment(config, "config/mine.yaml")
    message = str(caught.value)
    assert message.startswith("config/mine.yaml: ") and said in message and "\n" not in message


def test_a_missing_key_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    remote = {"name": "far", "base_url": "http://host/v1", "model": "m", "api_key_env": "FAR_KEY"}
    with pytest.raises(ExperimentError, match=r"FAR_KEY \(api_key_env\) is not set"):
        load_experiment(broken(experts=[remote]), "config/mine.yaml")
    monkeypatch.setenv("FAR_KEY", "secret")
    experiment = load_experiment(broken(experts=[remote]), "config/mine.yaml")
    assert "secret" not in Plan(experiment, "mine", Path("results/mine")).settings("eapo", 1)


def run(method: str, **changes: Any) -> dict[str, Any]:
    """The settings of a run of the default experiment with changes."""
    plan = Plan(load_experiment(broken(**changes), "c"), "default", Path("results/default"))
    return yaml.safe_load(plan.settings(method, 1))


def test_methods_differ_in_their_own_parts_alone() -> None:
    parts = {"consultation", "reward", "internalization"}
    theirs = run("self_exploratory")
    for name in ("eapo", "eapo_paper"):
        ours = run(name)
        assert {key for key in ours if ours[key] != theirs[key]} <= {"method", "experts", "config_sha256", *parts}
    assert all(method.differences for method in methods().values())


def test_the_presets_are_what_they_are_called() -> None:
    whole, paper = run("eapo"), run("eapo_paper")
    assert whole["consultation"]["trigger"] == "confidence_gated"
    assert whole["reward"]["bonus"]["peak"] > 0 < whole["reward"]["cost"]["peak"]
    assert whole["internalization"]["weight"]["peak"] > 0
    assert paper["consultation"]["trigger"] == "learned" and paper["reward"]["answer"] == "f1_paper"
    assert paper["reward"]["bonus"]["peak"] == paper["internalization"]["weight"]["peak"] == 0
    for one in (whole, paper):
        assert one["consultation"]["acceptance"]["kind"] == "reciprocal"
        assert one["consultation"]["turns"]["train"] > one["consultation"]["turns"]["evaluation"] == 0


def test_a_variant_changes_what_it_names_at_any_depth() -> None:
    variants = {"ungated": {"of": "eapo", "consultation": {"trigger": "learned", "confidence": {"window": 4}}}}
    changed = {"variants": variants, "methods": ["eapo", "ungated"], "comparisons": [["eapo", "ungated"]]}
    one, full = run("ungated", **changed), run("eapo")
    assert one["consultation"].pop("trigger") == "learned" != full["consultation"].pop("trigger")
    assert one["consultation"]["confidence"].pop("window") == 4 != full["consultation"]["confidence"].pop("window")
    for part in ("consultation", "reward", "internalization", "experts", "budget"):
        assert one[part] == full[part]


def test_what_is_scored_does_not_change_what_is_trained() -> None:
    plans = [
        Plan(load_experiment(config, "c"), "default", Path("results/default"))
        for config in (DEFAULT, broken(evaluation__temperature=0.5), broken(train__seed=5))
    ]
    settings = [plan.settings("eapo", 1) for plan in plans]
    assert settings[0] == settings[1] != settings[2]


def test_every_arm_and_seed_samples_for_itself() -> None:
    plan = Plan(load_experiment(DEFAULT, "c"), "default", Path("results/default"))
    seeds = [
        next(argument for argument in plan.sampling_arguments(method, seed) if argument.startswith("--seed"))
        for method, seed in plan.cells
    ]
    assert len(set(seeds)) == len(seeds)


def test_runs_that_consult_served_experts_lease_them_and_wait_for_their_models() -> None:
    plan = Plan(load_experiment(DEFAULT, "c"), "default", Path("results/default"))
    lease = plan.lease("eapo", 1)
    assert "--expert expert_a=results/default/models/expert_a:64 --expert expert_b=" in lease
    assert f"--endpoints {plan.endpoints('eapo', 1)}" in lease and lease.endswith("workflow.expert_service wait -- ")
    assert plan.served_models("eapo") == [plan.model("expert_a"), plan.model("expert_b")]
    assert plan.lease("self_exploratory", 1) == "" and plan.served_models("self_exploratory") == []
    remote = [{"name": "far", "base_url": "http://host/v1", "model": "m"}]
    elsewhere = Plan(load_experiment(broken(experts=remote), "c"), "default", Path("results/default"))
    assert elsewhere.lease("eapo", 1) == "" and elsewhere.served_models("eapo") == []
