"""A run on real engines whose expert is slow: it says whom it waits for, and how long that took."""

import json
from pathlib import Path

import pytest
import yaml

from tests.expert_server import RELEASE_S, ExpertServer
from tests.integration.checkout import in_checkout, settings

pytestmark = [pytest.mark.engine, pytest.mark.arm]


def test_a_run_that_waits_for_an_expert_says_for_which_and_goes_on(python: str, checkout: Path, tmp_path: Path) -> None:
    budget = {"steps": 1, "validate_every": 1, "checkpoint_every": 1}
    consultation = {
        "trigger": "always", "query_prompt": "echo {query}", "acceptance": {"kind": "constant", "start": 1.0},
        "turns": {"train": 1, "evaluation": 1},
    }  # fmt: skip
    with ExpertServer("late") as server:
        command = settings(checkout, tmp_path, "eapo", python, budget=budget, consultation=consultation)
        run = yaml.safe_load((tmp_path / "settings.yaml").read_text())
        run["experts"][0] |= {"base_url": server.base_url, "model": "m", "price_per_million_output": 1.0}
        counting = {"actor_rollout_ref.rollout.disable_log_stats": False}
        (tmp_path / "settings.yaml").write_text(yaml.safe_dump(run | {"stall_minutes": 1.5 / 60, "verl": counting}))
        finished = in_checkout(checkout, *command)
    assert finished.returncode == 0, finished.stdout[-6000:]
    name = run["experts"][0]["name"]
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").open()]
    waited = [one for one in events if f"expert {name}" in (one["rollouts"] or {"waits": {}})["waits"]]
    assert waited and {one["phase"] for one in waited} == {"generation"} and waited[0]["step"] == 1
    assert 0 < waited[0]["rollouts"]["unfinished"] <= waited[0]["rollouts"]["begun"] == 32
    assert waited[0]["servers"].keys() == {"rollout_engine"}
    assert "step 1 has been in generation for" in finished.stdout and f"waiting for expert {name}: " in finished.stdout
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    told = made["experts"][name]
    assert told["requests"] == made["expert_requests"] == len(server.received) and told["cost_usd"] > 0
    assert told["latency_s"]["p50"] >= 0.95 * RELEASE_S and made["stalls"]["said"] == len(events)
    # The expert's server is no vLLM.
    assert made["server_load"][f"experts/{name}"] == dict.fromkeys(("queue_running", "queue_waiting", "kv_cache_use"))
