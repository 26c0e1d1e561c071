"""What is noted about the machine and the code that a result was made with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.intake.runs import ASKED, read_run
from eapo_verl.cpu import precision
from eapo_verl.experts.reply import FATES
from eapo_verl.record import manifest, provenance
from eapo_verl.record.costs import Costs
from eapo_verl.settings.run import RunSettings

#: A run in one go.
ONE = [{"git_sha": "abc", "resumed_from_step": 0}]
SETTINGS = RunSettings(
    experiment="e",
    method="self_exploratory",
    kind="rl",
    seed=1,
    policy="model",
    train_file="train.jsonl",
    validation_file="validation.jsonl",
    consultation={"trigger": "never"},
    budget={
        "steps": 1,
        "prompts_per_step": 1,
        "rollouts_per_prompt": 2,
        "validate_every": 1,
        "validation_samples": 1,
        "checkpoint_every": 1,
    },
    optimiser={"learning_rate": 1e-3},
    lengths={"prompt": 8, "response": 8},
    config_sha256="0" * 64,
)


def test_the_hardware_is_what_the_machine_says() -> None:
    found = provenance.hardware()
    assert found["instruction_set"] == precision.instruction_set()
    assert found["cores"] == len(os.sched_getaffinity(0)) and found["memory_gib"] > 0
    assert isinstance(found["cpu"], str) and found["cpu"]


def test_the_commit_is_one_or_unknown() -> None:
    sha = provenance.git_sha()
    assert sha == "unknown" or len(sha.removesuffix("-dirty")) == 40


@pytest.mark.parametrize("module", ["eapo_verl.record.provenance", "eapo_verl.cpu.precision"])
def test_it_is_there_before_any_engine(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'vllm', 'verl'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("requested", "on_cpu", "noted"),
    [("float32", True, "float32"), ("bfloat16", True, "float32"), ("bfloat16", False, None)],
)
def test_run_json_says_what_was_computed_in(
    requested: str, on_cpu: bool, noted: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags: avx2\n")
    monkeypatch.setattr(manifest, "cpu_precision", lambda asked: precision.cpu_precision(asked, cpuinfo))
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some"})
    monkeypatch.setattr(manifest, "on_cpu", lambda: on_cpu)
    settings = SETTINGS.model_copy(update={"precision": requested})
    manifest.write_manifest(tmp_path / "run.json", settings, [], {"train": 8}, {}, 1.0, ONE, {})
    written = json.loads((tmp_path / "run.json").read_text())
    assert written["precision"] == noted and written["resolved_config"]["precision"] == requested


def test_run_json_lists_in_what_a_run_departs_from_its_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some", "accelerators": []})
    departures = {"training.budget.steps": {"experiment": 1, "arm": 2}}
    settings = RunSettings(**(SETTINGS.model_dump() | {"departures": departures}))
    manifest.write_manifest(tmp_path / "run.json", settings, [], {}, {}, 1.0, ONE, {})
    assert json.loads((tmp_path / "run.json").read_text())["departures"] == departures


def test_run_json_is_what_the_analysis_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some"})
    step = {"step": 1, "seconds": 1.0, "queries": 7, "policy_tokens": 40} | dict.fromkeys(FATES, 1)
    manifest.write_manifest(tmp_path / "run.json", SETTINGS, [step, step], {}, {}, 1.0, ONE, {})
    run = read_run(tmp_path / "run.json")
    assert run.fates == {ASKED: 14} | dict.fromkeys(FATES, 2) and run.unaccounted == 0
    assert (run.method, run.seed, run.policy_tokens) == ("self_exploratory", 1, 80)
    assert run.costs is not None and run.costs["policy_tokens_sampled"] == 80 and run.costs["flops"] is None


def test_run_json_says_what_the_run_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some"})
    monkeypatch.setattr(manifest, "count_parameters", lambda folder: 10 if folder == SETTINGS.policy else None)
    start = {"step": 0, "seconds": None, "policy_tokens": None}
    step = {
        "seconds": 2.0, "policy_tokens": 5, "policy_prompt_tokens": 7, "policy_tokens_scored": 11,
        "policy_tokens_reread": 13, "policy_tokens_trained": 17, "policy_prompt_tokens_trained": 19,
        "expert_tokens": 23, "expert_prompt_tokens": 29, "expert_requests": 31, "expert_flops": 1e6,
        "optimiser_steps": 4, "prompts_seen": 3, "rollouts": 6, "discarded_rollouts": 2, "surplus_rollouts": 1,
        "failed_rollouts": 1,
    }  # fmt: skip
    steps = [start, step | {"step": 1}, step | {"step": 2}]
    expert = {"name": "a", "base_url": "http://h/v1", "model": "m", "parameters": 1000}

    def written(resumed_from: int, *experts: dict) -> dict:
        attempts = [*ONE, {"git_sha": "def", "resumed_from_step": resumed_from}]
        settings = RunSettings(**(SETTINGS.model_dump() | {"experts": experts}))
        manifest.write_manifest(tmp_path / "run.json", settings, steps, {}, {}, 50.0, attempts, {})
        return json.loads((tmp_path / "run.json").read_text())

    run = written(0, expert)
    assert run["costs"] == {
        "policy_tokens_sampled": 10, "policy_prompt_tokens": 14, "policy_tokens_scored": 48,
        "policy_tokens_trained": 34, "policy_prompt_tokens_trained": 38, "expert_tokens": 46,
        "expert_prompt_tokens": 58, "expert_tokens_scored": 0, "expert_requests": 62, "expert_flops": 2e6,
        "optimiser_steps": 8, "prompts_seen": 6, "rollouts": 20, "policy_parameters": 10,
        "expert_parameters": {"a": 1000}, "flops": 10 * (2 * 72 + 6 * 72) + 2e6,
    }  # fmt: skip
    # Steps of an attempt before are part of the time.
    assert run["wall_s"] == 50.0 and written(1, expert)["wall_s"] == 52.0
    # Each of which has a commit.
    assert run["git_sha"] == "def" and [one["git_sha"] for one in run["attempts"]] == ["abc", "def"]
    assert provenance.commits([run, {"git_sha": "abc"}, {"git_sha": "012"}]) == ["abc", "def", "012"]
    far = written(0, expert, expert | {"name": "far", "parameters": None})["costs"]
    assert far["expert_flops"] is far["flops"] is None and far["expert_parameters"] == {"a": 1000, "far": None}


def test_a_run_bears_the_whole_cost_of_the_solutions_that_it_uses() -> None:
    source = {"tokens": 30, "prompt_tokens": 20, "requests": 4, "flops": 5.0, "parameters": 7}
    own = Costs(
        expert_tokens=1, expert_prompt_tokens=2, expert_requests=3, expert_flops=4.0, expert_parameters={"a": 9}
    )
    costs = manifest.with_solutions(own, {"b": source, "c": source})
    assert (costs.expert_tokens, costs.expert_prompt_tokens, costs.expert_requests) == (61, 42, 11)
    assert costs.expert_flops == 14.0 and costs.expert_parameters == {"a": 9, "b": 7, "c": 7}
    assert manifest.with_solutions(own, {"b": source | {"flops": None}}).expert_flops is None
    assert manifest.with_solutions(own, {}) == own
