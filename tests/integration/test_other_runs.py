"""A run that starts from another run's model, and costs with it what a third has cost."""

import json
from pathlib import Path

import pytest
import yaml

from tests.integration.checkout import in_checkout, settings

pytestmark = [pytest.mark.engine, pytest.mark.arm]


def test_a_run_goes_on_from_anothers_model_until_it_has_cost_as_much_as_a_third(checkout: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    command = settings(checkout, tmp_path, "self_exploratory", budget={"steps": 1, "validate_every": 1})
    runs = {name: f"results/smoke/runs/{name}/seed1/run.json" for name in ("self_exploratory", "eapo")}
    costs = {name: json.loads((checkout / path).read_text())["costs"] for name, path in runs.items()}
    own = {
        "policy": "results/smoke/runs/self_exploratory/seed1/model",
        "runs": runs,
        "start_from": "self_exploratory",
        "match": {"arm": "eapo", "like": "self_exploratory", "by": "rollouts_per_prompt"},
    }
    run = yaml.safe_load((tmp_path / "settings.yaml").read_text())
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(run | own))
    finished = in_checkout(checkout, *command)
    assert finished.returncode == 0, finished.stdout[-6000:]

    made = json.loads((tmp_path / "run" / "run.json").read_text())
    matched, group = made["resolved_config"]["matched"], made["resolved_config"]["budget"]["rollouts_per_prompt"]
    left = costs["eapo"]["flops"] - costs["self_exploratory"]["flops"]
    assert matched["flops"] == left > 0 and matched["made"] == group == made["rollouts"] / 8
    assert made["departures"]["training.budget.rollouts_per_prompt"] == {"experiment": 4, "arm": group}
    assert made["costs_of_start"] == costs["self_exploratory"]
    # Rollouts may be longer or shorter than those of the run that gave their price; the last prompt's are rounded up.
    assert made["costs"]["flops"] == pytest.approx(costs["eapo"]["flops"] + matched["flops_over"], rel=0.15)

    def weights(folder: Path) -> dict:
        return load_file(folder / "model.safetensors")

    new, start, policy = map(weights, (
        tmp_path / "run" / "model",
        checkout / "results/smoke/runs/self_exploratory/seed1/model",
        checkout / "results/smoke/models/policy",
    ))  # fmt: skip
    moved = {name: max(float((new[key] - other[key]).abs().max()) for key in new)
             for name, other in (("start", start), ("policy", policy))}  # fmt: skip
    # One step of two updates from the start, and of ten from the policy.
    assert 0 < moved["start"] < moved["policy"] / 2
