"""The leased expert service: started once, shared, ended; tests/integration/test_expert_server.py has a real server."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.fake_slurm import RUN
from tests.fake_slurm import __file__ as FAKE_SLURM
from tests.fake_vllm import __file__ as FAKE_VLLM
from tests.survivors import LIMIT_S, Marked, command_line, wait_for
from workflow.belonging import WORKFLOW_VARIABLE, Workflow
from workflow.expert_service import lease, slurm_job
from workflow.expert_service.slurm_job import OPTIONS_VARIABLE, SHARE_VARIABLE, Share, SlurmJob
from workflow.expert_service.state import ExpertState, ReplicaState, ServiceError, ServiceFolder, ServiceState
from workflow.processes import Identity, this_process


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
        self.variables: dict[str, str] = {}

    def lease(self, *options: str, name: str = "one", seconds: float = 600, shared: bool = True) -> subprocess.Popen:
        """A run that leases the experts, waits for them, says so in the file ``name`` and sleeps."""
        service = [sys.executable, "-m", "workflow.expert_service"]
        lease = ["lease", "--services", "services", "--endpoints", f"services/{name}.json", "--log-dir", "logs"]
        experts = ["--expert", "wise=model:64", "--vllm", str(self.vllm), *options]
        run = ["sh", "-c", f"echo $EAPO_EXPERT_KEY up > {name}; exec sleep {seconds}"]
        workflow = {WORKFLOW_VARIABLE: str(Identity.of(self.workflow.pid))} if shared else {}
        command = [*service, *lease, *experts, "--", *service, "wait", "--", *run]
        environment = self.marked.environment | workflow | self.variables
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True)

    def in_slurm(self) -> Path:
        """From now on runs are jobs of a Slurm's; returns the folder that decides what it does."""
        folder = self.folder / "slurm"
        folder.mkdir()
        for name in ("sbatch", "squeue", "scancel"):
            (folder / name).symlink_to(FAKE_SLURM)
        self.variables = {
            "PATH": f"{folder}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "FAKE_SLURM": str(folder), "SLURM_JOB_ID": RUN, "SLURM_MEM_PER_NODE": "1", "TMPDIR": str(self.folder),
            SHARE_VARIABLE: Share(threads=3, memory_mb=500, gpus=2).model_dump_json(),
        }  # fmt: skip
        return folder

    def submitted(self) -> list[dict[str, dict[str, str]]]:
        """What was submitted to that Slurm."""
        file = self.folder / "slurm" / "submitted"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

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
    address, (engine,) = world.state().experts["wise"].replicas[0].base_url, world.engines()
    os.kill(world.starts()[0], signal.SIGKILL)
    assert eventually(lambda: len(world.starts()) == 2 and world.state().experts["wise"].up)
    assert not engine.is_running() and len(world.engines()) == 1
    assert world.state().experts["wise"].replicas[0].base_url == address
    world.lease(name="two")
    world.up("two")
    assert len(world.starts()) == 2


def test_a_dead_replica_is_replaced_while_the_other_answers_and_left_alone_where_it_does_not_come_back(
    world: World,
) -> None:
    def up() -> int:
        return sum(each.up for each in world.state().experts["wise"].replicas)

    world.lease('--serving=wise={"replicas": 2}')
    world.up()
    one, other = world.state().experts["wise"].replicas
    told = json.loads((world.folder / "services/one.json").read_text())["wise"]
    assert (told["base_url"], told["replica_urls"]) == (one.base_url, [other.base_url])
    assert eventually(lambda: up() == 2)
    os.kill(world.starts()[0], signal.SIGKILL)
    assert eventually(lambda: len(world.starts()) == 3) and world.state().experts["wise"].up
    assert eventually(lambda: up() == 2)
    assert [each.base_url for each in world.state().experts["wise"].replicas] == [one.base_url, other.base_url]

    (world.model / "broken").touch()
    os.kill(world.starts()[-1], signal.SIGKILL)
    log = world.folder / "logs" / "shared" / "service.log"
    assert eventually(lambda: "it is left alone, others answer for it" in log.read_text())
    assert log.read_text().count("starting it again") == 3
    failed = ServiceFolder(world.folder / "services" / "shared").failure
    assert failed(world.state().process) is None and up() == 1
    os.kill(world.starts()[1], signal.SIGKILL)
    assert world.left_of_service() == []
    assert "this model is broken" in str(failed(world.state().process))


def test_a_server_whose_engine_hangs_is_replaced_and_one_that_is_busy_for_others_is_not(world: World) -> None:
    world.lease("--check-s", "0.1", "--stall-s", "2")
    world.up()
    (world.model / "busy").touch()
    time.sleep(6)
    assert len(world.starts()) == 1 and world.state().experts["wise"].up
    (world.model / "busy").rename(world.model / "stuck")
    assert eventually(lambda: not world.state().experts["wise"].up)
    (world.model / "stuck").unlink()
    assert eventually(lambda: len(world.starts()) == 2 and world.state().experts["wise"].up)
    said = (world.folder / "logs" / "shared" / "service.log").read_text()
    assert "expert wise is ill: no token within 2 s, for nobody" in said


def test_a_server_that_answers_as_another_model_is_one_line(world: World) -> None:
    (world.model / "impostor").touch()
    run = world.lease("--check-s", "0.1")
    _, said = run.communicate()
    assert run.returncode == 1
    assert "expert wise is ill: its answer to a request of one token is no completion of wise" in said


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
    assert key not in "".join(map(command_line, world.marked.alive()))
    readable = [path for path in world.folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    others = [path for path in readable if path not in (world.folder / "one", world.folder / "two")]
    assert [path for path in others if key in path.read_text() and path != world.model / "starts"] == []


def test_servers_beyond_loopback_want_a_key_in_any_case(world: World) -> None:
    world.lease("--host", "0.0.0.0")
    assert len(world.up()) > 30


def test_runs_that_are_jobs_of_slurms_share_a_service_that_is_one_of_its_own(world: World) -> None:
    world.in_slurm()
    world.variables[OPTIONS_VARIABLE] = "--qos=fast --exclusive"
    first = world.lease(name="one")
    key = world.up("one")
    first.kill()
    first.wait()
    world.lease(name="two")
    assert world.up("two") == key and len(key) > 30
    assert len(world.starts()) == 1
    (submitted,) = world.submitted()
    wanted = {"account": "lab", "partition": "gpu", "time": "1-00:00:00", "cpus-per-task": "3", "mem": "500M"}
    # As the run's, but for what the user says of it.
    wanted |= {"qos": "fast", "exclusive": "", "constraint": "a100|h100", "gpus": "2", "no-requeue": ""}
    assert submitted["options"].items() >= wanted.items() and "reservation" not in submitted["options"]
    # Of the run's own job it has nothing; whose workflow it is of, it knows.
    given = submitted["environment"]
    assert given.keys().isdisjoint({"SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "TMPDIR"}) and WORKFLOW_VARIABLE in given
    assert world.state().experts["wise"].replicas[0].base_url.startswith(f"http://{socket.gethostname()}:")
    world.workflow.kill()
    world.workflow.wait()
    assert world.left_of_service() == []


def test_a_job_that_still_waits_is_taken_over_from_a_run_that_has_ended(world: World) -> None:
    full = world.in_slurm() / "full"
    full.touch()
    first = world.lease(name="one")
    assert first.stderr is not None
    said = first.stderr.readline()
    assert re.fullmatch(r"experts: job \d+ of Slurm is PENDING \(Resources\)\n", said)
    first.kill()
    first.wait()
    world.lease(name="two")
    full.unlink()
    world.up("two")
    assert len(world.submitted()) == len(world.starts()) == 1


def test_a_service_that_fails_in_a_job_of_its_own_is_one_line_and_the_next_run_submits_another(world: World) -> None:
    world.in_slurm()
    (world.model / "config.json").rename(world.model / "hidden")
    run = world.lease(name="one")
    _, said = run.communicate()
    assert run.returncode == 1
    assert said.splitlines()[-1].startswith("expert service: expert wise: model holds no model")
    (world.model / "hidden").rename(world.model / "config.json")
    world.lease(name="two")
    world.up("two")
    assert len(world.submitted()) == 2


def test_a_run_does_not_wait_for_ever_in_its_own_allocation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.in_slurm() / "full").touch()
    for name, value in (world.variables | world.marked.environment | {"PATH": world.variables["PATH"]}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(slurm_job, "_LOOK_S", 0.0)
    us = Workflow(this_process(), Path(os.devnull))
    job = SlurmJob.submit(us, world.folder / "printed", ["sleep", "602"])
    assert not job.ended()
    monkeypatch.setattr(slurm_job, "_QUEUED_AT_MOST_S", 0.0)
    with pytest.raises(ServiceError, match=r"was PENDING \(Resources\) for 0 minutes: they need room beside the runs"):
        job.ended()
    assert eventually(lambda: Identity.of(int(job.number)) is None)


def test_experts_that_a_run_cannot_reach_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_REACHED_WITHIN_S", 0.0)
    us, nobody = str(this_process()), ExpertState(replicas=[ReplicaState(base_url="http://127.0.0.1:9/v1", up=True)])
    folder = ServiceFolder(tmp_path)
    folder.publish(ServiceState(process=us, owner=us, keyed=False, experts={"wise": nobody}))
    with pytest.raises(ServiceError, match=r"^http://127\.0\.0\.1:9/v1 answers on its own machine"):
        lease.wait_until_up(tmp_path, us)


def test_a_run_hears_why_its_service_has_failed_where_another_ones_has_taken_its_place(tmp_path: Path) -> None:
    first, us = "1:1:other/boot/1", str(this_process())
    folder, wise = ServiceFolder(tmp_path), ExpertState(replicas=[ReplicaState(base_url="http://127.0.0.1:9/v1")])
    folder.publish(ServiceState(process=first, owner=us, keyed=False, experts={"wise": wise}))
    folder.fail(first, "expert wise: this model is broken")
    folder.clear()
    folder.publish(ServiceState(process=us, owner=us, keyed=False, experts={"wise": wise}))
    with pytest.raises(ServiceError, match=r"^expert wise: this model is broken$"):
        lease.wait_until_up(tmp_path, first)
    with pytest.raises(ServiceError, match=r"^the service has ended before its experts were up"):
        lease.wait_until_up(tmp_path, "1:2:other/boot/1")


def test_a_service_of_another_machine_is_there_for_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    folder, us = ServiceFolder(tmp_path), str(this_process())
    elsewhere = ServiceState(process="1:1:other/boot/1", owner=us, keyed=False, experts={})
    assert not folder.serves(elsewhere)
    descriptor = folder.begin()
    assert folder.serves(elsewhere)
    with pytest.raises(ServiceError, match=r"^another service runs in "):
        folder.begin()
    folder.fail(elsewhere.process, "broken")
    assert not folder.serves(elsewhere) and folder.serves(elsewhere.model_copy(update={"process": "2:2:other/boot/1"}))
    os.close(descriptor)
    assert not folder.serves(elsewhere.model_copy(update={"process": "2:2:other/boot/1"}))
