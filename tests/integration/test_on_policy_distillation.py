"""A teacher scores the policy's rollouts, on the real engines and the smoke experiment's models."""

import json
import math
import sys
from pathlib import Path

import pytest
import yaml

from analysis.intake.transcripts import read_transcripts
from tests.integration.checkout import in_checkout
from workflow.experiment import load_experiment
from workflow.plan import Plan

pytestmark = [pytest.mark.engine, pytest.mark.arm]

ARM = "distillation_on_policy"


def log_probs(folder: Path, sequences: list[list[int]], banned: list[int]) -> list[list[float]]:
    """Of each token but the first of each sequence, in nats, by transformers; ``banned`` tokens have no probability."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        read = [torch.tensor([ids]) for ids in sequences]
        logits = [model(ids).logits[0, :-1].index_fill(-1, torch.tensor(banned).long(), -math.inf) for ids in read]
    tables = [one.log_softmax(-1) for one in logits]
    return [table.gather(-1, ids[0, 1:, None])[:, 0].tolist() for table, ids in zip(tables, read, strict=True)]


def test_the_loss_is_the_reverse_kl_of_the_policys_own_tokens_and_its_costs_are_counted(
    checkout: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    experiment = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    experiment |= {"methods": [ARM], "comparisons": [[ARM, "base"]]}
    experiment["training"]["budget"] |= {"steps": 2, "mini_batches": 1}
    experiment["training"]["transcripts"] = {"groups_per_step": 8}
    plan = Plan(load_experiment(experiment, "smoke"), "smoke", checkout / "results/smoke")
    (tmp_path / "settings.yaml").write_text(plan.settings(ARM, 1))
    places = ("--run-dir", str(tmp_path / "run"), "--checkpoint-dir", str(tmp_path / "checkpoints"))
    command = (sys.executable, "-m", "eapo_verl.train", str(tmp_path / "settings.yaml"), *places)
    finished = in_checkout(checkout, *command)
    assert finished.returncode == 0, finished.stdout[-6000:]

    steps = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [step["step"] for step in steps] == [0, 1, 2] and steps[0]["distillation_loss"] is None
    policy, teacher = plan.model("policy"), plan.model("expert_a")
    tokenizer = AutoTokenizer.from_pretrained(policy)
    told = [one for one in read_transcripts(tmp_path / "run" / "rollouts.jsonl.gz") if one.step == 1]
    assert len(told) == 32
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": one.problem}], add_generation_prompt=True, return_dict=False
        )
        for one in told
    ]
    written = [tokenizer.encode(one.response, add_special_tokens=False) for one in told]
    # One that was cut at the limit has no end.
    written = [ids if len(ids) == 96 else [*ids, tokenizer.eos_token_id] for ids in written]
    sequences = [[*prompt, *ids] for prompt, ids in zip(prompts, written, strict=True)]
    assert steps[1]["policy_tokens"] == sum(map(len, written))
    assert steps[1]["expert_tokens_scored"] == sum(map(len, sequences)) and steps[1]["expert_requests"] == 32
    # What the policy could sample, and so is trained as: a run that never consults cannot write the opening tag.
    banned = tokenizer.encode("<consult>", add_special_tokens=False)
    policys, teachers = log_probs(policy, sequences, banned), log_probs(teacher, sequences, [])
    terms = [
        min(max(own - others, -10.0), 10.0)
        for ids, first, second in zip(written, policys, teachers, strict=True)
        for own, others in zip(first[-len(ids) :], second[-len(ids) :], strict=True)
    ]
    assert steps[1]["distillation_loss"] == pytest.approx(sum(terms) / len(terms), rel=1e-3)
    assert 0 < steps[2]["distillation_loss"] < float("inf")

    run = json.loads((tmp_path / "run" / "run.json").read_text())
    costs = run["costs"]
    assert (costs["expert_tokens"], costs["expert_requests"], costs["optimiser_steps"]) == (0, 64, 2)
    assert costs["expert_tokens_scored"] == sum(step["expert_tokens_scored"] for step in steps[1:])
    (size,) = costs["expert_parameters"].values()
    assert costs["expert_flops"] == 2 * size * costs["expert_tokens_scored"]
    assert costs["flops"] > costs["expert_flops"]
    assert run["kind"] == "on_policy_distillation" and run["consultations"]["asked"] == 0
    assert (tmp_path / "run" / "model" / "config.json").exists()
