"""The side of a run: find the service of its workflow or start it, hold a lease, wait until the experts are up."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from eapo_verl.record.files import write_whole
from workflow.expert_service.state import KEY_VARIABLE, ServiceError, ServiceFolder, ServiceState
from workflow.locks import is_held
from workflow.processes import Identity, this_process, workflow_process

#: Names the folder of its service in the environment of a run.
SERVICE_VARIABLE = "EAPO_EXPERT_SERVICE"
_LOOK_S = 0.1
#: Seconds in which a service that was asked to end is gone.
_END_S = 15.0


def take_lease(services: Path, endpoints: Path, log_dir: Path, serve_arguments: Sequence[str]) -> None:
    """Lease the service of this workflow, started if need be, for as long as this process and what it executes lives.

    Args:
        services: the folder of all services of an experiment.
        endpoints: written, ``{"name": {"base_url", "model", ...}}``; its stem is the name of a service of one run.
        log_dir: where the logs of the service and its servers go.
        serve_arguments: of ``serve``, without folder, owner and log_dir.

    Raises:
        ServiceError: the service does not start.
    """
    workflow = workflow_process()
    owner = workflow or this_process()
    name = "shared" if workflow is not None else endpoints.stem
    folder = ServiceFolder(services / name)
    with folder.starting():
        lease = folder.lease()
        state = folder.read()
        if state is None or state.owner != str(owner) or not state.running():
            log = log_dir / name / "service.log"
            _end(state, log)
            folder.clear()
            state = _start(folder, owner, log, serve_arguments)
    endpoints.parent.mkdir(parents=True, exist_ok=True)
    write_whole(endpoints, json.dumps(state.endpoints(), indent=1))
    os.set_inheritable(lease, True)
    os.environ[SERVICE_VARIABLE] = str(folder.path)
    if state.keyed:
        os.environ[KEY_VARIABLE] = folder.read_key()


def wait_until_up(path: Path) -> None:
    """Return when every expert of a service has answered. There is no limit: the service itself notices a stall.

    Args:
        path: the service's folder.

    Raises:
        ServiceError: the service has failed or ended, or the workflow has.
    """
    folder, parent = ServiceFolder(path), os.getppid()
    first = folder.read()
    state = first
    while state is not None and first is not None and state.process == first.process:
        if state.failure is not None:
            raise ServiceError(state.failure)
        if all(expert.up for expert in state.experts.values()):
            return
        if os.getppid() != parent:
            raise ServiceError("the process that waits for the experts has ended")
        if not state.running():
            break
        time.sleep(_LOOK_S)
        state = folder.read()
    raise ServiceError(f"the service has ended before its experts were up; its folder is {path}")


def _end(state: ServiceState | None, log: Path) -> None:
    """End what is left of an earlier service."""
    process = Identity.parse(state.process) if state is not None else None
    if process is not None and process.here and not process.ended():
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    while is_held(log):
        if time.monotonic() > deadline:
            raise ServiceError(f"the service before does not end; it writes {log}")
        time.sleep(_LOOK_S)


def _start(folder: ServiceFolder, owner: Identity, log: Path, serve_arguments: Sequence[str]) -> ServiceState:
    python = [sys.executable, "-m"]
    serving = [*python, "workflow.expert_service", "serve", "--folder", str(folder.path), "--owner", str(owner)]
    serving += ["--log-dir", str(log.parent), *serve_arguments]
    process = _detached([*python, "workflow.logged", "--until", str(owner), str(log), "--", *serving])
    while (state := folder.read()) is None:
        if process is None or process.ended():
            said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
            reason = said[-1].removeprefix("expert service: ") if said else "it printed nothing"
            raise ServiceError(f"{reason} (log {log})")
        time.sleep(_LOOK_S)
    return state


def _detached(command: Sequence[str]) -> Identity | None:
    """Start a process that is not a descendant of this one, which would take it along; None if it has ended already."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            nowhere = subprocess.DEVNULL
            process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
            os.write(sink, str(process.pid).encode())
        finally:
            os._exit(0)
    os.close(sink)
    os.waitpid(child, 0)
    with open(source, encoding="ascii") as answer:
        return Identity.of(int(answer.read()))
