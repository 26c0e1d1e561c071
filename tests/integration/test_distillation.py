"""Adapters trained by verl on right solutions, killed after a checkpoint: what goes on is a whole run."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from transformers import AutoModelForCausalLM

from eapo_verl.record.solutions import Solution, write_solutions
from tests.integration.checkout import environment, in_checkout
from tests.survivors import LIMIT_S, Marked

pytestmark = [pytest.mark.engine, pytest.mark.arm]
STEPS = 20


def command(checkout: Path, folder: Path) -> list[str]:
    """A run on the world's own solutions of half of the training problems, at the lengths of the smoke experiment."""
    run = yaml.safe_load((checkout / "results/smoke/settings/self_exploratory.seed1.yaml").read_text())
    for key in ("reward", "internalization", "match", "start_from"):
        del run[key]
    problems = [json.loads(line) for line in (checkout / "results/smoke/data/train.jsonl").open()][:128]
    gold = [Solution(one["id"], "gold", one["solution"], one["answer"], 40) for one in problems]
    spent = {"tokens": 6000, "prompt_tokens": 3000, "requests": 150, "cost_usd": 0.0, "flops": 9e6, "parameters": 500}
    counted = {"problems": 130, "solved": 128, "asked": 150, "right": 140, "kept": 128, "fates": {"kept": 128}}
    write_solutions(folder / "gold.jsonl", gold, spent | counted)
    run |= {
        "method": "distillation_lora",
        "kind": "sft",
        "solutions": {"gold": str(folder / "gold.jsonl")},
        "supervised": {"learning_rate": 3e-4, "lora": {}},
    }
    run["budget"] |= {"steps": STEPS, "validate_every": 10}
    (folder / "settings.yaml").write_text(yaml.safe_dump(run))
    program = [sys.executable, "-m", "eapo_verl.sft", str(folder / "settings.yaml")]
    return [*program, "--run-dir", str(folder / "run"), "--checkpoint-dir", str(folder / "checkpoints")]


def kill_after_a_checkpoint(checkout: Path, folder: Path, wanted: list[str]) -> None:
    """Start the run and kill what trains once a checkpoint is whole: the rest ends, with one line that says so."""
    marked, log = Marked(), folder / "first.log"
    logged = [sys.executable, "-m", "workflow.logged", str(log), "--", *wanted]
    mark = {name: value for name, value in marked.environment.items() if name.startswith("EAPO_TEST")}
    with subprocess.Popen(logged, cwd=checkout, env=environment(checkout) | mark, stderr=subprocess.DEVNULL) as process:
        try:
            while not list((folder / "checkpoints").glob("*/global_step_*/files.json")):
                assert process.poll() is None, log.read_text()[-6000:]
                time.sleep(0.02)
            for trainer in marked.named("eapo_verl.sft.trainer"):
                trainer.kill()
            assert process.wait(LIMIT_S) == 3, log.read_text()[-6000:]
            assert marked.left_after() == []
        finally:
            marked.kill()
    (said,) = [line for line in log.read_text().splitlines() if line.startswith("sft: ")]
    assert "verl's SFT trainer ended with status" in said and not (folder / "run").exists()


def test_a_killed_distillation_goes_on_and_leaves_a_whole_run(checkout: Path, tmp_path: Path) -> None:
    wanted = command(checkout, tmp_path)
    kill_after_a_checkpoint(checkout, tmp_path, wanted)
    finished = in_checkout(checkout, *wanted)
    assert finished.returncode == 0, finished.stdout[-6000:]

    folder = tmp_path / "run"
    run = json.loads((folder / "run.json").read_text())
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    assert run["resumed_from_step"] in (10, 20) and f"resuming from step {run['resumed_from_step']}" in finished.stdout
    assert [step["step"] for step in steps] == list(range(STEPS + 1))
    # The first and the last of the five epochs, of the same 128 solutions.
    losses = [step["loss"] for step in steps[1:]]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    measured = {step["step"]: step["accuracy_val_unassisted"] for step in steps}
    assert [step for step, accuracy in measured.items() if accuracy is not None] == [0, 10, 20]
    # The policy before training, by the same draws as in a run of reinforcement learning.
    other = (checkout / "results/smoke/runs/self_exploratory/seed1/metrics.jsonl").read_text().splitlines()
    assert measured[0] == pytest.approx(json.loads(other[0])["accuracy_val_unassisted"], abs=2 / 32)
    costs = run["costs"]
    # 8 x 4 rollouts in 2 mini-batches a step are 16 solutions an optimiser step, of about 30 tokens each.
    assert (costs["optimiser_steps"], costs["prompts_seen"]) == (2 * STEPS, 32 * STEPS)
    assert 25 * 32 * STEPS < costs["policy_tokens_trained"] < 40 * 32 * STEPS
    assert (costs["expert_tokens"], costs["expert_requests"], costs["expert_flops"]) == (6000, 150, 9e6)
    assert costs["policy_tokens_sampled"] == costs["rollouts"] == 0 and costs["flops"] > 9e6
    assert run["rows"]["solutions"] == run["rows"]["problems"] == 128 and run["rows"]["epochs"] == 5.0
    # Adapters are in the weights: one model, of the policy's size and precision, that is no longer the policy.
    folders = (checkout / "results/smoke/models/policy", folder / "model")
    before, after = (AutoModelForCausalLM.from_pretrained(path) for path in folders)
    assert before.dtype == after.dtype and before.num_parameters() == after.num_parameters()
    moved = [name for name, weight in after.named_parameters() if not weight.equal(before.get_parameter(name))]
    assert moved and all(".self_attn." in name or ".mlp." in name for name in moved)
    assert (folder / "rollouts.jsonl.gz").exists() and not list((tmp_path / "checkpoints").iterdir())
