"""A real ``vllm serve`` of the smoke experiment's expert, leased with a key: asked, killed part by part, outlived."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.listening import exposed
from tests.survivors import LIMIT_S, Marked, command_line, wait_for
from workflow.expert_service.state import ServiceFolder, ServiceState
from workflow.processes import Identity

pytestmark = pytest.mark.engine
_START_S = 240


def ask(base_url: str, key: str | None) -> tuple[int, str]:
    """Status and body of one chat completion."""
    body = json.dumps({"model": "expert_a", "max_tokens": 4, "messages": [{"role": "user", "content": "1+1"}]})
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(base_url + "/chat/completions", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def eventually(condition: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def test_a_server_is_kept_from_strangers_comes_back_when_killed_and_leaves_nothing(
    checkout: Path, tmp_path: Path
) -> None:
    marked = Marked()
    service = [sys.executable, "-m", "workflow.expert_service"]
    lease = ["lease", "--services", "services", "--endpoints", "services/one.json", "--log-dir", "logs", "--key"]
    run = ["sh", "-c", "echo $EAPO_EXPERT_KEY > key; exec sleep 600"]
    experts = ["--expert", f"expert_a={checkout / 'results/smoke/models/expert_a'}:64"]
    workflow = subprocess.Popen(["sleep", "600"], env=marked.environment)
    environment = marked.environment | {"EAPO_WORKFLOW": str(Identity.of(workflow.pid))}
    command = [*service, *lease, *experts, "--", *service, "wait", "--", *run]
    leasing = subprocess.Popen(command, cwd=tmp_path, env=environment)
    try:
        check_server(marked, tmp_path, wait_for(tmp_path / "key", _START_S).strip())
    finally:
        marked.kill()
        workflow.wait()
        leasing.wait()


def check_server(marked: Marked, folder: Path, key: str) -> None:
    """Ask it with and without its key; kill its engine, then the server, then the service."""
    shared = ServiceFolder(folder / "services" / "shared")

    def state() -> ServiceState:
        found = shared.read()
        assert found is not None
        return found

    def engine() -> psutil.Process:
        (found,) = marked.named("VLLM::EngineCore")
        return found

    def server() -> psutil.Process:
        (found,) = [each for each in marked.named("bin/vllm serve") if each.name() != "VLLM::EngineCore"]
        return found

    base_url = state().experts["expert_a"].replicas[0].base_url
    assert [ask(base_url, one)[0] for one in (key, None, "another")] == [200, 401, 401]
    assert exposed(marked.alive()) == set()
    assert key not in "".join(map(command_line, marked.alive()))
    assert all(key not in path.read_text() for path in (folder / "logs").rglob("*.log"))

    first = server()
    engine().kill()
    assert eventually(lambda: not first.is_running() and not state().experts["expert_a"].up, LIMIT_S)
    assert eventually(lambda: state().experts["expert_a"].up, _START_S) and server().pid != first.pid
    assert state().experts["expert_a"].replicas[0].base_url == base_url and ask(base_url, key)[0] == 200

    orphan = engine()
    server().kill()
    assert eventually(lambda: not orphan.is_running(), LIMIT_S), orphan.as_dict(["status", "ppid", "cmdline"])

    os.kill(Identity.parse(state().process).pid, 9)
    assert eventually(lambda: not marked.named("bin/vllm serve") and not marked.named("VLLM::EngineCore"), LIMIT_S)
