"""config/smoke.yaml from problems to report on the real engines, in a copy of this checkout; then what a rerun does."""

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from analysis.intake.transcripts import read_transcripts
from analysis.statistics.modes import MODES
from tests.integration.checkout import snakemake

pytestmark = pytest.mark.engine


def test_every_arm_is_scored_and_reported(checkout: Path) -> None:
    results = checkout / "results" / "smoke"
    main = pd.read_csv(results / "tables" / "main.csv")
    assert set(main["method"]) == {"base", "self_exploratory", "eapo"}
    assert main["avg_at_k"].between(0, 1).all()
    significance = pd.read_csv(results / "tables" / "significance.csv")
    assert {"paired_t_questions", "crossed"} <= set(significance["test"])
    learning = pd.read_csv(results / "tables" / "learning.csv")
    # Steps and run.json count the same tokens: nothing was spent before the first step.
    assert learning["tokens_before"].tolist() == [0, 0] and (learning["tokens"] > 0).all()
    consulting = pd.read_csv(results / "tables" / "consulting.csv")
    assert {*consulting["method"]} == {"eapo"} and consulting["rollouts"].tolist() == [16, 4, 4, 4, 4]
    assert consulting[[*MODES]].sum(axis=1).tolist() == pytest.approx([1] * 5)
    assert (results / "report.html").stat().st_size > 50_000
    assert "Rollouts, word for word" in (results / "report.html").read_text()
    for figure in ("accuracy_over_training", "comparison"):
        assert (results / "figures" / f"{figure}.png").stat().st_size > 5_000
    for method in ("self_exploratory", "eapo"):
        samples = [json.loads(line) for line in (results / f"samples/{method}/seed1/chains_a.jsonl").open()]
        assert len(samples) == 20 and not any("<consult>" in sample["response"] for sample in samples)


@pytest.mark.parametrize("method", ["self_exploratory", "eapo"])
def test_a_run_says_what_it_did(checkout: Path, method: str) -> None:
    folder = checkout / "results" / "smoke" / "runs" / method / "seed1"
    run = json.loads((folder / "run.json").read_text())
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    assert [step["step"] for step in steps] == [0, 1, 2, 3, 4]
    assert [step["step"] for step in steps if step["accuracy_val_unassisted"] is not None] == [0, 2, 4]
    assert [step["acceptance_rate"] for step in steps[1:]] == (
        [1, 1 / 2, 1 / 3, 1 / 4] if method == "eapo" else [0] * 4
    )
    counts = run["consultations"]
    assert counts["asked"] == sum(count for name, count in counts.items() if name != "asked")
    assert run["policy_tokens"] > 0 and run["wall_s"] > 0
    costs = run["costs"]
    assert (costs["prompts_seen"], costs["rollouts"], costs["optimiser_steps"]) == (4 * 8, 4 * 8 * 4, 4 * 2)
    # Every rollout was trained on once; internalization samples come on top.
    assert (costs["policy_tokens_trained"] > costs["policy_tokens_sampled"]) == (method == "eapo")
    assert costs["policy_tokens_trained"] >= costs["policy_tokens_sampled"] == run["policy_tokens"]
    assert costs["policy_tokens_scored"] == costs["policy_tokens_trained"] + costs["policy_prompt_tokens_trained"]
    assert costs["policy_parameters"] > 10**5 and costs["flops"] > costs["expert_flops"]
    assert run["versions"]["verl"] == "0.9.1" and len(run["config_sha256"]) == 64
    assert (folder / "model" / "config.json").exists()
    told = list(read_transcripts(folder / "rollouts.jsonl.gz"))
    # One group of a step, and the last validation: 16 problems twice.
    assert Counter((one.phase, one.step) for one in told) == {("validation", 4): 32} | {
        ("train", step): 4 for step in range(1, 5)
    }
    assert run["transcripts"] == {"train": 16, "validation": 32}
    assert all(
        len({one.prompt for one in told if (one.phase, one.step) == ("train", step)}) == 1 for step in range(1, 5)
    )
    assert not any(one.turns for one in told if one.phase == "validation" or method == "self_exploratory")
    if method == "self_exploratory":
        assert counts["asked"] == 0 and run["expert_tokens"] == 0
        # What is sampled is what is learned from, the tag that cannot be written included.
        assert all(0 <= step["mismatch_kl"] < 1e-6 for step in steps[1:] if step["mismatch_kl"] is not None)
        assert steps[1]["mismatch_kl"] is not None


def test_experts_are_asked_and_their_words_are_not_trained_on(checkout: Path) -> None:
    run = json.loads((checkout / "results/smoke/runs/eapo/seed1/run.json").read_text())
    assert run["consultations"]["asked"] > 0 and run["expert_tokens"] > 0
    assert run["consultations"]["failed"] == run["consultations"]["timed_out"] == 0
    costs, told = run["costs"], run["experts"]["expert_a"]
    for name in ("requests", "tokens", "prompt_tokens"):
        assert told[name] == run[f"expert_{name}"] > 0
    assert 0 < told["latency_s"]["p50"] <= told["latency_s"]["p99"] < 60 and told["cost_usd"] is None
    # The expert is asked in the first step at least; on a CPU the rollout engine does not count, and is not.
    assert run["server_load"]["server_load_asked"] > run["server_load"]["server_load_failed"]
    assert run["server_load"]["rollout_engine"]["queue_running"] is None
    assert 0 <= run["server_load"]["experts/expert_a"]["kv_cache_use"] < 1
    assert run["stalls"]["said"] == 0 and run["speed"]["policy_tokens_per_s"] > 0 and run["speed"]["mfu"] is None
    sampled = costs["expert_tokens"] + costs["expert_prompt_tokens"]
    assert costs["expert_flops"] == 2 * costs["expert_parameters"]["expert_a"] * sampled > 0


def test_a_rerun_does_nothing_and_a_figure_retrains_nothing(checkout: Path) -> None:
    assert "Nothing to be done" in snakemake(checkout)
    code = checkout / "analysis" / "plots" / "comparison.py"
    code.write_text(code.read_text() + "\n# changed\n")
    table = snakemake(checkout, "-n").rpartition("Job stats:")[2].splitlines()
    jobs = {line.split()[0]: int(line.split()[1]) for line in table if line.split()[1:] and line.split()[1].isdigit()}
    assert jobs == {"all": 1, "figures": 1, "html_report": 1, "total": 3}
