"""The leased expert service: started once, shared, ended; tests/integration/test_expert_server.py has a real server."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.fake_vllm import __file__ as FAKE_VLLM
from tests.survivors import LIMIT_S, Marked, wait_for
from workflow.expert_service.state import ServiceFolder, ServiceState
from workflow.processes import Identity


class World:
    """A workflow process (one that sleeps) and runs that lease one expert, ``wise``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model, self.marked = folder, folder / "model", Marked()
        self.model.mkdir()
        (self.model / "config.json").write_text("{}")
        header = b'{"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}'
        (self.model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
        # Beside the fake vllm, so that it runs with this interpreter.
        self.vllm = folder / "vllm"
        self.vllm.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE_VLLM} "$@"\n')
        self.vllm.chmod(0o755)
        self.workflow = subprocess.Popen(["sleep", "600"], env=self.marked.environment)

    def lease(self, *options: str, name: str = "one", seconds: float = 600, shared: bool = True) -> subprocess.Popen:
        """A run that leases the experts, waits for them, says so in the file ``name`` and sleeps."""
        service = [sys.executable, "-m", "workflow.expert_service"]
        lease = ["lease", "--services", "services", "--endpoints", f"services/{name}.json", "--log-dir", "logs"]
        experts = ["--expert", "wise=model:64", "--vllm", str(self.vllm), *options]
        run = ["sh", "-c", f"echo $EAPO_EXPERT_KEY up > {name}; exec sleep {seconds}"]
        workflow = {"EAPO_WORKFLOW": str(Identity.of(self.workflow.pid))} if shared else {}
        command = [*service, *lease, *experts, "--", *service, "wait", "--", *run]
        environment = self.marked.environment | workflow
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True)

    def up(self, name: str = "one") -> str:
        """Wait until a run has its experts; returns its key, if it has one."""
        return wait_for(self.folder / name).removesuffix("up\n").strip()

    def state(self, name: str = "shared") -> ServiceState:
        state = ServiceFolder(self.folder / "services" / name).read()
        assert state is not None
        return state

    def starts(self) -> list[int]:
        """The process ids of the servers that were started, in their order."""
        return [int(line.split()[0]) for line in (self.model / "starts").read_text().splitlines()]

    def left_of_service(self, limit_s: float = LIMIT_S) -> list[str]:
        """What lives of service and servers after ``limit_s`` seconds."""
        deadline = time.monotonic() + limit_s
        while (left := self.of_service()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [str(each) for each in left]

    def of_service(self) -> list[psutil.Process]:
        return [each for word in ("expert_service serve", "fake_vllm", "sleep 601") for each in self.marked.named(word)]

    def engines(self) -> list[psutil.Process]:
        return self.marked.named("bash", "sleep 601")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.marked.kill()
    world.workflow.wait()


def eventually(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_runs_that_start_at_once_and_later_ones_share_one_server(world: World) -> None:
    for name in ("one", "two", "three"):
        world.lease(name=name)
    for name in ("one", "two", "three"):
        world.up(name)
    world.lease(name="late")
    world.up("late")
    assert len(world.starts()) == 1 and len(world.engines()) == 1
    files = [json.loads((world.folder / f"services/{name}.json").read_text()) for name in ("one", "two", "late")]
    wise = {"base_url": files[0]["wise"]["base_url"], "model": "wise", "parameters": 6}
    assert files[0] == files[1] == files[2] == {"wise": wise}
    assert files[0]["wise"]["base_url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_service_outlives_the_run_that_started_it_and_ends_with_the_workflow(world: World, number: int) -> None:
    first = world.lease(name="one")
    world.up("one")
    first.kill()
    first.wait()
    world.lease(name="two")
    world.up("two")
    assert len(world.starts()) == 1
    world.workflow.send_signal(number)
    world.workflow.wait()
    assert world.left_of_service() == []


def test_the_service_ends_when_nobody_has_asked_for_a_while_and_the_next_run_starts_one(world: World) -> None:
    first = world.lease("--idle-s", "0.5", name="one")
    world.up("one")
    time.sleep(1)
    assert world.of_service()
    first.kill()
    first.wait()
    assert world.left_of_service() == []
    assert ServiceFolder(world.folder / "services" / "shared").read() is None
    world.lease(name="two")
    world.up("two")
    assert len(world.starts()) == 2


@pytest.mark.parametrize("which", ["the service", "its first holder", "its second holder"])
def test_whichever_process_of_the_service_is_killed_nothing_is_left_and_the_next_run_starts_one(
    world: World, which: str
) -> None:
    world.lease(name="one")
    world.up("one")
    holders = sorted(world.marked.named("workflow.logged --until"), key=lambda each: each.create_time())
    service = psutil.Process(Identity.parse(world.state().process).pid)
    victims = {"the service": service, "its first holder": holders[0], "its second holder": holders[1]}
    victims[which].send_signal(signal.SIGKILL)
    assert world.left_of_service() == []
    world.lease(name="two")
    world.up("two")
    assert len(world.starts()) == 2


def test_a_server_that_dies_is_started_again_at_its_address_and_its_engine_does_not_stay(world: World) -> None:
    (world.model / "hanging").touch()
    world.lease(name="one")
    world.up("one")
    address, (engine,) = world.state().experts["wise"].base_url, world.engines()
    os.kill(world.starts()[0], signal.SIGKILL)
    assert eventually(lambda: len(world.starts()) == 2 and world.state().experts["wise"].up)
    assert not engine.is_running() and len(world.engines()) == 1
    assert world.state().experts["wise"].base_url == address
    world.lease(name="two")
    world.up("two")
    assert len(world.starts()) == 2


def test_a_server_that_does_not_start_is_one_line_for_every_run_that_waits_and_the_next_one_tries_again(
    world: World,
) -> None:
    (world.model / "broken").touch()
    for run in [world.lease(name="one"), world.lease(name="two")]:
        _, said = run.communicate()
        assert run.returncode == 1 and len(said.splitlines()) == 1
        assert "expert wise: vllm serve ended with status 1: ValueError: this model is broken" in said
    (world.model / "broken").unlink()
    world.lease(name="three")
    world.up("three")


def test_a_start_without_any_progress_is_given_up(world: World) -> None:
    (world.model / "silent").touch()
    run = world.lease("--stall-s", "1")
    _, said = run.communicate()
    assert run.returncode == 1 and "expert wise does not answer, and has shown no sign of life for 1 s" in said
    assert world.left_of_service() == []


def test_a_missing_model_is_one_line(world: World) -> None:
    (world.model / "config.json").unlink()
    run = world.lease()
    _, said = run.communicate()
    assert run.returncode == 1 and len(said.splitlines()) == 1
    assert said.startswith("expert service: expert wise: model holds no model (config.json is missing)")


def test_outside_a_workflow_a_run_has_a_service_to_itself_which_ends_with_it(world: World) -> None:
    runs = [world.lease(name=name, shared=False) for name in ("one", "two")]
    for name in ("one", "two"):
        world.up(name)
    assert len(world.starts()) == 2
    assert world.state("one").experts != world.state("two").experts
    for run in runs:
        run.kill()
        run.wait()
    assert world.left_of_service() == []


def test_a_key_is_in_a_file_and_in_environments_of_this_user_alone(world: World) -> None:
    world.lease("--key", name="one")
    key = world.up("one")
    world.lease(name="two", seconds=0)
    assert world.up("two") == key and len(key) > 30
    assert (world.model / "starts").read_text().split()[1] == key
    shared = world.folder / "services" / "shared"
    assert (shared / "key").read_text() == key and stat.S_IMODE((shared / "key").stat().st_mode) == 0o600
    assert json.loads((world.folder / "services/one.json").read_text())["wise"]["api_key_env"] == "EAPO_EXPERT_KEY"
    assert key not in "".join(" ".join(each.cmdline()) for each in world.marked.alive())
    readable = [path for path in world.folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    others = [path for path in readable if path not in (world.folder / "one", world.folder / "two")]
    assert [path for path in others if key in path.read_text() and path != world.model / "starts"] == []


def test_servers_beyond_loopback_want_a_key_in_any_case(world: World) -> None:
    world.lease("--host", "0.0.0.0")
    assert len(world.up()) > 30
