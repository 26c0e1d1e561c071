"""Two real servers of the smoke experiment's expert: asked while one of them is killed. And vLLM's own parser."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from eapo_verl.experts.pool import ExpertPool
from eapo_verl.experts.reply import Reply
from eapo_verl.settings.base import Endpoint
from tests.integration.test_expert_server import eventually
from tests.survivors import Marked, wait_for
from workflow.expert_service.arguments import refused
from workflow.expert_service.serving import Serving
from workflow.expert_service.state import ServiceFolder
from workflow.processes import Identity

pytestmark = [pytest.mark.engine, pytest.mark.arm]
_START_S = 240


def test_a_killed_replica_costs_no_answer_and_is_replaced(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = Marked()
    service = [sys.executable, "-m", "workflow.expert_service"]
    lease = ["lease", "--services", "services", "--endpoints", "one.json", "--log-dir", "logs", "--key", "--check-s=1"]
    experts = ["--expert", f"expert_a={checkout / 'results/smoke/models/expert_a'}:64"]
    experts += ['--serving=expert_a={"replicas": 2, "vllm": {"max_num_seqs": 16}}']
    run = ["sh", "-c", "echo $EAPO_EXPERT_KEY > key; exec sleep 600"]
    workflow = subprocess.Popen(["sleep", "600"], env=marked.environment)
    environment = marked.environment | {"EAPO_WORKFLOW": str(Identity.of(workflow.pid))}
    command = [*service, *lease, *experts, "--", *service, "wait", "--", *run]
    leasing = subprocess.Popen(command, cwd=tmp_path, env=environment)

    def up() -> int:
        state = ServiceFolder(tmp_path / "services" / "shared").read()
        return 0 if state is None else sum(one.up for one in state.experts["expert_a"].replicas)

    try:
        monkeypatch.setenv("EAPO_EXPERT_KEY", wait_for(tmp_path / "key", _START_S).strip())
        assert eventually(lambda: up() == 2, _START_S)
        told = json.loads((tmp_path / "one.json").read_text())["expert_a"]
        replies = asyncio.run(asked_while_one_is_killed(Endpoint(name="expert_a", max_tokens=24, **told), marked))
        assert {reply.outcome for reply in replies} <= {"answered", "truncated"}
        assert sum(reply.failovers for reply in replies) >= 1
        assert eventually(lambda: up() == 2, _START_S), (tmp_path / "logs/shared/service.log").read_text()
        assert "starting it again" in (tmp_path / "logs/shared/service.log").read_text()
    finally:
        marked.kill()
        workflow.wait()
        leasing.wait()


async def asked_while_one_is_killed(endpoint: Endpoint, marked: Marked) -> list[Reply]:
    """Replies to sixty queries, six at a time; after the first ones a server is killed."""
    replies: list[Reply] = []
    async with ExpertPool([endpoint]) as pool:
        for turn in range(10):
            if turn == 2:
                next(each for each in marked.named("bin/vllm serve") if each.name() != "VLLM::EngineCore").kill()
            found = await pool.ask(["1 + 1", "2 + 3", "3 * 4", "9 - 1", "5 + 5", "7 * 2"], seed=turn)
            replies += [reply for reply in found if reply is not None]
    return replies


def test_vllm_is_asked_for_what_it_takes() -> None:
    said = refused(
        {
            "right": Serving(vllm={"max_num_seqs": 8, "enable-prefix-caching": False, "compilation_config.mode": 0}),
            "unknown": Serving(vllm={"max_num_sequences": 8}),
            "begun": Serving(vllm={"hos": "0.0.0.0"}),
            "wrong": Serving(vllm={"max_num_seqs": "many"}),
            "choice": Serving(quantization="a tenth"),
        }
    )
    assert said.keys() == {"unknown", "begun", "wrong", "choice"}, said
    assert said["unknown"] == "vllm: 'max-num-sequences' is no argument of vllm serve"
    assert said["begun"] == "vllm: 'hos' is no argument of vllm serve"
    assert "--max-num-seqs" in said["wrong"] and said["choice"].startswith(
        "quantization: 'a tenth' is none of vLLM's: "
    )
