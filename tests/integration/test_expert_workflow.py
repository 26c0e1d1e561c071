"""The expert workflow of the smoke experiment's policy, with a real server of its expert, whose count is ours."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from baselines.procedure import Replies
from tests.integration.checkout import in_checkout
from tests.scripted_sample import shipped
from tests.survivors import Marked, wait_for
from workflow.belonging import WORKFLOW_VARIABLE

pytestmark = [pytest.mark.engine, pytest.mark.arm]
_START_S = 120
SAMPLES, QUESTIONS = 2, 10

#: For a policy that reads nothing but problems and replies; its draft is shown for the count's sake.
BARE = {
    "reply": "{reply}", "separator": "|", "nobody": "unavailable", "reconcile": "{prompt}",
    "begun": "<consult>{prompt}</consult><reply>{replies}|{draft}</reply>",
}  # fmt: skip


def sampling(folder: Path, results: Path) -> list[str]:
    """The sampler's command for the arm with one expert, K = 1."""
    procedure = shipped("expert_workflow", answers=1, prompts=BARE)
    replies = Replies(max_tokens=40, max_characters=64)
    expert = {"name": "expert_a", "folder": str(results / "models/expert_a"), "max_model_len": 64}
    options = {
        "--model": results / "models/policy", "--benchmark": f"chains_a={results / 'data/chains_a.jsonl'}",
        "--out-dir": folder / "samples", "--samples": SAMPLES, "--temperature": 1, "--top-p": 1, "--seed": 7,
        "--max-tokens": 60, "--max-model-len": 256, "--ban": "<consult>", "--endpoints": folder / "endpoints.json",
        "--procedure": procedure.model_dump_json(), "--replies": replies.model_dump_json(),
        "--experts": json.dumps([expert]),
    }  # fmt: skip
    return [sys.executable, "-m", "workflow.sampling", *(str(part) for pair in options.items() for part in pair)]


def counted(base_url: str, counter: str) -> int:
    """The sum of one of the server's counters."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if re.match(rf"vllm:{counter}_total\b", line)))


def test_samples_say_what_they_cost(checkout: Path, tmp_path: Path) -> None:
    results = checkout / "results" / "smoke"
    service = [sys.executable, "-m", "workflow.expert_service"]
    lease = ["lease", "--services", "services", "--endpoints", "endpoints.json", "--log-dir", "logs"]
    lease += ["--expert", f"expert_a={results / 'models/expert_a'}:64"]
    marked = Marked()
    environment = {name: value for name, value in marked.environment.items() if name != WORKFLOW_VARIABLE}
    hold = ["sh", "-c", "echo up > up; exec sleep 600"]
    leasing = subprocess.Popen([*service, *lease, "--", *service, "wait", "--", *hold], cwd=tmp_path, env=environment)
    try:
        wait_for(tmp_path / "up", _START_S)
        finished = in_checkout(checkout, *sampling(tmp_path, results))
        assert finished.returncode == 0, finished.stdout[-6000:]
        base_url = json.loads((tmp_path / "endpoints.json").read_text())["expert_a"]["base_url"]
        asked, written, read = (
            counted(base_url, name) for name in ("request_success", "generation_tokens", "prompt_tokens")
        )
    finally:
        marked.kill()
        leasing.wait()
    rows = [json.loads(line) for line in (tmp_path / "samples/chains_a.jsonl").open()]
    provenance = json.loads((tmp_path / "samples/chains_a.provenance.json").read_text())
    assert len(rows) == SAMPLES * QUESTIONS
    assert all(row["expert_requests"] == 1 for row in rows)
    # Beside these the service itself asks whether its server is well: a prompt of one token, for one more.
    checks = asked - len(rows)
    for name, count in {"expert_tokens": written - checks, "expert_prompt_tokens": read - checks}.items():
        assert sum(row[name] for row in rows) == provenance[name] == count > 0
    # Whether it ended in time is the expert's affair: each answer has an outcome, and marks its sample.
    assert sum(provenance["expert_replies"].values()) == len(rows)
    answered = provenance["expert_replies"].get("answered", 0)
    assert provenance["expert_failures"] == len(rows) - answered == sum(row["expert_failures"] for row in rows)
    # A draft and a response, of which the draft is not in the file; a word of several characters is one token.
    assert all(row["n_tokens"] > len(re.sub(r"\\boxed{|[a-z<>/]+", "_", row["response"])) for row in rows)
    assert not any("<consult>" in row["response"] for row in rows)
