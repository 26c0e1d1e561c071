"""Arms that take several turns at evaluation: the real sampler and a real policy, and experts as they come."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import AutoTokenizer

from tests.expert_server import ExpertServer
from tests.integration.checkout import in_checkout
from workflow.experiment import load_experiment
from workflow.plan import Plan
from workflow.plan_sampling import SamplingPlan

pytestmark = [pytest.mark.engine, pytest.mark.arm]
QUESTIONS, SAMPLES = 10, 20
FULL = yaml.safe_load(Path("config/full.yaml").read_text())["variants"]


def asking(question: str, **pool: Any) -> dict[str, Any]:
    """The workflow of config/full.yaml, K = 1, whose expert is asked this: "echo X" is answered with X."""
    workflow = FULL["workflow_bare"]
    procedure = workflow["procedure"]
    prompts = procedure["prompts"] | {"ask": question}
    return workflow | {"procedure": procedure | {"prompts": prompts}, "consultation": {"pool": pool}}


def sample(
    checkout: Path, folder: Path, arm: dict[str, Any], address: str, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run the sampler for a variant in the smoke experiment as the workflow does; its one expert is at an address."""
    smoke = yaml.safe_load(Path("config/smoke.yaml").read_text())
    expert = {"name": "wise", "base_url": address, "model": "m", "retries": 0, "timeout_s": 20.0, "parameters": 1000}
    mine = {"methods": ["eapo", "mine"], "variants": {"mine": arm}, "comparisons": [["mine", "base"]]}
    plan = Plan(load_experiment(smoke | mine | {"experts": [expert]}, "mine"), "smoke", Path("results/smoke"))
    sampling, seed = SamplingPlan(plan.experiment), dict(plan.cells)["mine"]
    command = [sys.executable, "-m", "workflow.sampling", "--model", str(plan.scored_model("mine", seed))]
    command += ["--benchmark", "chains_a=results/smoke/data/chains_a.jsonl", "--out-dir", str(folder)]
    command += [*sampling.identity("mine", seed), *sampling.operation(), *plan.sampler_options("mine")]
    return in_checkout(checkout, *command, *more)


def drawn(finished: subprocess.CompletedProcess[str], folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The samples of a run that has finished, and their provenance."""
    assert finished.returncode == 0, finished.stdout[-6000:]
    rows = [json.loads(line) for line in (folder / "chains_a.jsonl").open()]
    assert len(rows) == SAMPLES
    return rows, json.loads((folder / "chains_a.provenance.json").read_text())


def own_tokens(checkout: Path, row: dict[str, Any]) -> int:
    """Of a response by itself, its end included."""
    tokenizer = AutoTokenizer.from_pretrained(checkout / "results/smoke/models/policy")
    ended = row["finish_reason"] == "stop"
    return len(tokenizer.encode(row["response"], add_special_tokens=False)) + ended


def test_an_expert_that_is_always_wrong_is_shown_and_counted_and_one_that_is_down_marks_each_sample(
    checkout: Path, tmp_path: Path
) -> None:
    with ExpertServer() as server:
        # Else one that has failed five times in a row is left alone, and who comes later asks nobody.
        arm = asking("echo 1+1=3;\\boxed{3} {prompt}", breaker_threshold=SAMPLES + 1)
        wrong, said = drawn(sample(checkout, tmp_path / "wrong", arm, server.base_url), tmp_path / "wrong")
        requests, address = len(server.received), server.base_url
    # As many as the server has seen, each of which it says cost 7 tokens after 11.
    assert [row["expert_requests"] for row in wrong] == [1] * SAMPLES and requests == SAMPLES
    assert (said["expert_tokens"], said["expert_prompt_tokens"]) == (7 * requests, 11 * requests)
    assert said["tokens_of_experts"] == {"wise": said["expert_tokens"]}
    assert said["expert_replies"] == {"answered": SAMPLES} and not any(row["expert_failures"] for row in wrong)
    assert [row["n_tokens"] for row in wrong] == [own_tokens(checkout, row) for row in wrong]

    down, said = drawn(sample(checkout, tmp_path / "down", arm, address), tmp_path / "down")
    assert [row["expert_failures"] for row in down] == [1] * SAMPLES == [row["expert_requests"] for row in down]
    assert said["expert_replies"] == {"failed": SAMPLES} and said["samples_with_expert_failures"] == SAMPLES
    assert said["expert_tokens"] == 0 and said["tokens_of_experts"] == {}
    assert [row["n_tokens"] for row in down] == [own_tokens(checkout, row) for row in down]
    # The draws are the same: what makes the difference is what the policy was shown.
    assert sum(one["response"] != other["response"] for one, other in zip(wrong, down, strict=True)) > SAMPLES / 4


def test_experts_that_die_stop_the_draw_with_one_line_and_a_rerun_draws_what_is_missing(
    checkout: Path, tmp_path: Path
) -> None:
    folder, arm = tmp_path / "out", asking("echo 1+1=2 {prompt}", failure_window=8)
    with ExpertServer() as server:
        half = sample(checkout, folder, arm, server.base_url, "--samples", "1")
        assert half.returncode == 0 and len(server.received) == QUESTIONS, half.stdout[-6000:]
        kept = (folder / ".drawn/chains_a.journal").read_text()
        server.mood = "broken"
        stopped = sample(checkout, folder, arm, server.base_url)
    assert stopped.returncode != 0 and "Traceback" not in stopped.stdout
    (line,) = [line for line in stopped.stdout.splitlines() if "experts unavailable" in line]
    assert line.startswith("sampling: experts unavailable: 100% of the last replies") and "is kept" in line
    with ExpertServer() as server:
        rows, said = drawn(sample(checkout, folder, arm, server.base_url), folder)
        requests = len(server.received)
    # Kept is what was finished, some of it perhaps without its expert, and only for the others one is asked.
    assert (folder / ".drawn/chains_a.journal").read_text().startswith(kept)
    assert said["samples_taken_over"] == SAMPLES - requests >= QUESTIONS and requests > 0
    marked = said["samples_taken_over"] - QUESTIONS
    assert said["samples_with_expert_failures"] == sum(row["expert_failures"] for row in rows) == marked
    assert said["expert_replies"] == {"answered": SAMPLES - marked} | ({"failed": marked} if marked else {})
    assert said["expert_tokens"] == 7 * (SAMPLES - marked)


def test_a_trained_policy_consults_at_evaluation_and_is_counted(checkout: Path, tmp_path: Path) -> None:
    arm = {"of": "eapo_seek_help", "consultation": {"query_prompt": "echo {query}"}}
    with ExpertServer() as server:
        rows, said = drawn(sample(checkout, tmp_path / "out", arm, server.base_url), tmp_path / "out")
        requests = len(server.received)
    assert said["model"] == "results/smoke/runs/eapo/seed1/model" and said["sampling"]["banned"] == []
    assert said["expert_requests"] == sum(row["expert_requests"] for row in rows) == requests > 0
    assert (said["expert_tokens"], said["expert_prompt_tokens"]) == (7 * requests, 11 * requests)
    assert said["expert_replies"] == {"answered": requests}
    # Who consulted has written more than the words behind the last reply, which alone are graded.
    for row in rows:
        own = own_tokens(checkout, row)
        assert row["n_tokens"] > own if row["expert_requests"] else row["n_tokens"] == own
        assert "<reply>" not in row["response"]


def test_a_vote_has_as_many_responses_as_a_workflow_is_worth(checkout: Path, tmp_path: Path) -> None:
    base = checkout / "results/smoke/samples/base/seed0/chains_a.provenance.json"
    alone = json.loads(base.read_text())
    # A workflow of as many tokens as the policy alone, whose expert of half its size has written as many again.
    size, tokens = alone["policy_parameters"], alone["output_tokens"]
    spent = {"expert_tokens": tokens, "tokens_of_experts": {"wise": tokens}, "expert_parameters": {"wise": size // 2}}
    (tmp_path / "workflow.json").write_text(json.dumps(alone | spent))
    read = {"mine": [str(tmp_path / "workflow.json")], "base": [str(base)]}
    folder, arm = tmp_path / "out", {"of": "self_consistency", "procedure": {"votes": 9}}
    matched = {"name": "self_consistency", "votes": None, "match": {"arm": "mine", "like": "base"}}
    options = ["--procedure", json.dumps(matched)]
    finished = sample(checkout, folder, arm, "http://127.0.0.1:9/v1", *options, "--samples-of", json.dumps(read))
    rows, said = drawn(finished, folder)
    assert said["turns"]["procedure"]["votes"] == said["matched"]["votes"] == 2
    assert said["matched"]["flops_a_vote"] == pytest.approx(2 * size * tokens / SAMPLES)
    assert said["matched"]["flops_over"] == pytest.approx(0.5 * said["matched"]["flops_a_vote"], rel=1e-3)
    assert all(row["n_tokens"] > own_tokens(checkout, row) and not row["expert_requests"] for row in rows)
    assert said["output_tokens"] == pytest.approx(2 * tokens, rel=0.3)
