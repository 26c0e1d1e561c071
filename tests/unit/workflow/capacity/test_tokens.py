"""The token model against runs that were made: every count of every arm, from a few numbers of a few of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from workflow.capacity.tokens import Assumed, TokenModel
from workflow.experiment import load_experiment

FULL = ROOT / "docs/results/full/shards"
#: Fates of queries for which no reply is drawn.
HELD_BACK = ("gated", "empty", "duplicated", "excess", "nested")
#: What a plan cannot know of an arm: how often its policy asks, and how many groups show no contrast.
TOLERANCE = 0.10


def early(steps: list[dict[str, Any]]) -> float:
    shown = [step["acceptance_rate"] for step in steps]
    drawn = [step["queries"] - sum(step[fate] for fate in HELD_BACK) for step in steps]
    weighted = sum(rate * queries for rate, queries in zip(shown, drawn, strict=True)) / sum(shown)
    return weighted / (sum(step["queries"] for step in steps) / len(steps))


def counted(path: Path) -> dict[str, Any]:
    """What a plan is made from and held to, of one run."""
    run = json.loads(path.read_text())
    steps = [json.loads(line) for line in path.with_name("metrics.jsonl").open()][1:]
    asked = (run.get("consultations") or {}).get("asked", 0)
    told = {name: run.get(name) or 0 for name in ("rollouts", "internalized", "discarded_rollouts")}
    return told | {"costs": run["costs"], "asked": asked, "early": early(steps) if asked else 1.0}


def mean(values: list[Any]) -> Any:
    """Of what several seeds say, number by number: a plan is an expectation, and a run has its chance."""
    first = values[0]
    if isinstance(first, dict):
        return {key: mean([value[key] for value in values]) for key in first}
    return first if all(value == first for value in values) else sum(values) / len(values)


def made() -> dict[str, dict[str, Any]]:
    """By arm."""
    seeds: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(FULL.glob("*/runs/*/seed*/run.json")):
        seeds.setdefault(path.parts[-3], []).append(counted(path))
    return {method: mean(runs) for method, runs in seeds.items()}


RUNS = made()


def lengths() -> Assumed:
    """How long texts are in the embedded world, from two arms: one that asks nobody, and one that asks."""
    alone, asking = RUNS["self_exploratory"], RUNS["eapo_paper"]
    solved = RUNS["distillation_full"]["costs"]
    own, theirs = alone["costs"], asking["costs"]
    queries, shown = asking["asked"], theirs["expert_requests"]
    reply = theirs["expert_tokens"] / shown
    extra = theirs["policy_prompt_tokens"] - own["policy_prompt_tokens"]
    return Assumed(
        prompt=own["policy_prompt_tokens"] / own["rollouts"],
        response=own["policy_tokens_sampled"] / own["rollouts"],
        query=theirs["expert_prompt_tokens"] / shown,
        reply=reply,
        written=reply,
        refusal=(extra - shown * reply) / (queries - shown),
        solution=solved["expert_tokens"] / solved["expert_requests"],
        queries=0.0,
        early=1.0,
        internalized=0.0,
        discarded=0.0,
    )


def behaviour(run: dict[str, Any]) -> dict[str, float]:
    costs, rollouts = run["costs"], run["rollouts"]
    return {
        "queries": run["asked"] / rollouts if rollouts else 0.0,
        "early": run["early"],
        "internalized": run["internalized"] / max(costs["expert_requests"], 1),
        "discarded": costs["rollouts"] / rollouts - 1.0 if run["discarded_rollouts"] else 0.0,
    }


@pytest.fixture(scope="module")
def model() -> TokenModel:
    experiment = load_experiment(yaml.safe_load((ROOT / "config/full.yaml").read_text()), "full")
    assumed, costs = lengths(), RUNS["eapo"]["costs"]
    sizes = {"policy": costs["policy_parameters"]} | costs["expert_parameters"]
    arms = {name: Assumed(**assumed.model_dump() | behaviour(run)) for name, run in RUNS.items()}
    return TokenModel(experiment, assumed, sizes, arms)


def test_there_are_runs_to_compare_with() -> None:
    assert len(RUNS) == 14


@pytest.mark.parametrize("method", sorted(RUNS))
def test_every_count_of_a_run_is_planned_within_a_tenth(model: TokenModel, method: str) -> None:
    made, planned = RUNS[method]["costs"], model.run(method).block()
    counts = [key for key in planned if key not in ("expert_parameters", "policy_parameters")]
    wrong = {
        key: (planned[key], made[key])
        for key in counts
        if abs(planned[key] - made[key]) > TOLERANCE * max(abs(made[key]), 1)
    }
    assert not wrong
