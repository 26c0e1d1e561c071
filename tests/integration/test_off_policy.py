"""Two training steps on real engines in which a solution is a member of every group."""

import json
from pathlib import Path

import pytest
import yaml

from tests.integration.checkout import in_checkout, settings

pytestmark = [pytest.mark.engine, pytest.mark.arm]
STEPS, PROMPTS, ROLLOUTS = 2, 8, 4


def test_a_solution_is_learned_from_beside_one_rollout_less(checkout: Path, tmp_path: Path) -> None:
    problems = [json.loads(line) for line in (checkout / "results/smoke/data/train.jsonl").open()]
    texts = [
        {"problem_id": one["id"], "expert": "sage", "solution": one["solution"], "answer": one["answer"], "tokens": 32}
        for one in problems
    ]
    (tmp_path / "sage.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts))
    spent = {"problems": 256, "solved": 256, "asked": 300, "right": 256, "kept": 256, "fates": {}, "tokens": 9000,
             "prompt_tokens": 5000, "requests": 300, "cost_usd": 0.5, "flops": 1e9, "parameters": 10}  # fmt: skip
    (tmp_path / "sage.provenance.json").write_text(json.dumps(spent))
    budget = {"steps": STEPS, "validate_every": STEPS, "checkpoint_every": STEPS}
    optimiser = {"normalise_by_std": False, "loss_aggregation": "seq-mean-token-sum-norm"}
    command = settings(checkout, tmp_path, "self_exploratory", budget=budget, optimiser=optimiser)
    run = yaml.safe_load((tmp_path / "settings.yaml").read_text())
    run |= {"off_policy": {"clipped": False}, "solutions": {"sage": str(tmp_path / "sage.jsonl")}}
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(run))
    finished = in_checkout(checkout, *command)
    assert finished.returncode == 0, finished.stdout[-6000:]

    made = json.loads((tmp_path / "run" / "run.json").read_text())
    groups = STEPS * PROMPTS
    assert made["rollouts"] == groups * (ROLLOUTS - 1) and made["failed_rollouts"] == 0
    assert made["off_policy"]["expert_rows"] == made["off_policy"]["groups_helped"] == groups
    assert made["off_policy"]["replaced_rollouts"] == 0 and made["provided"]["rows"] == len(problems)
    # What a policy is trained on is its own words and the experts'; what it wrote is its own alone.
    costs, (_, *steps) = made["costs"], map(json.loads, (tmp_path / "run" / "metrics.jsonl").open())
    assert costs["policy_tokens_trained"] > costs["policy_tokens_sampled"] == sum(one["policy_tokens"] for one in steps)
    assert (costs["expert_tokens"], made["expert_tokens"], costs["expert_requests"]) == (9000, 9000, 300)
    assert all(0.0 < one["grad_norm"] < 100.0 and one["mismatch_kl"] < 0.1 for one in steps)
