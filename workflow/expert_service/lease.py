"""The side of a run: find the service of its workflow or start it, hold a lease, wait until the experts are up."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from eapo_verl.record.files import write_whole
from workflow.belonging import Workflow
from workflow.expert_service.health import answers
from workflow.expert_service.slurm_job import SlurmJob, in_job_of
from workflow.expert_service.state import KEY_VARIABLE, ServiceError, ServiceFolder, ServiceState
from workflow.locks import is_held
from workflow.processes import Identity, start_detached, this_process

#: Name the folder of its service in the environment of a run, and the process that the service is.
SERVICE_VARIABLE, PROCESS_VARIABLE = "EAPO_EXPERT_SERVICE", "EAPO_EXPERT_SERVICE_PROCESS"
_LOOK_S = 0.1
#: Seconds in which a service that was asked to end is gone.
_END_S = 15.0
#: Seconds that experts that are up have to answer a run in.
_REACHED_WITHIN_S = 10.0


def take_lease(
    services: Path, endpoints: Path, log_dir: Path, serve_arguments: Sequence[str], accelerators: int = 0
) -> None:
    """Lease the service of this workflow, started if need be, for as long as this process and what it executes lives.

    Where the run is a job of Slurm's, so is the service; on another machine than its workflow's else, it is the run's.

    Args:
        services: the folder of all services of an experiment.
        endpoints: written, ``{"name": {"base_url", "model", ...}}``; its stem is the name of a service of one run.
        log_dir: where the logs of the service and its servers go.
        serve_arguments: of ``serve``, without folder, owner and log_dir; of a service that is a job, without host.
        accelerators: that all servers take together.

    Raises:
        ServiceError: the service does not start.
    """
    workflow = Workflow.of_this_job()
    as_a_job = workflow is not None and in_job_of(workflow)
    shared = workflow is not None and (as_a_job or workflow.process.here)
    owner = workflow.process if workflow is not None and shared else this_process()
    name = "shared" if shared else endpoints.stem
    folder, log = ServiceFolder(services / name), log_dir / name / "service.log"
    serving = [sys.executable, "-m", "workflow.expert_service", "serve", "--folder", str(folder.path)]
    serving += ["--owner", str(owner), "--log-dir", str(log.parent), *serve_arguments]
    with folder.starting():
        lease = folder.lease()
        state = folder.read()
        if state is None or state.owner != str(owner) or not folder.serves(state):
            if workflow is not None and as_a_job:
                state = _start_as_a_job(folder, state, workflow, log, serving, accelerators)
            else:
                _end(state, log)
                folder.clear()
                state = _start(folder, owner, log, serving)
    endpoints.parent.mkdir(parents=True, exist_ok=True)
    write_whole(endpoints, json.dumps(state.endpoints(), indent=1))
    os.set_inheritable(lease, True)
    os.environ |= {SERVICE_VARIABLE: str(folder.path), PROCESS_VARIABLE: state.process}
    if state.keyed:
        os.environ[KEY_VARIABLE] = folder.read_key()


def wait_until_up(path: Path, process: str) -> None:
    """Return when every expert of a service has answered. There is no limit: the service itself notices a stall.

    Args:
        path: the service's folder, where another one may have taken its place meanwhile.
        process: the service, whose endpoints the run has been told.

    Raises:
        ServiceError: the service has failed or ended, the workflow has, or experts are up that do not answer here.
    """
    folder, parent = ServiceFolder(path), os.getppid()
    unreached_at: float | None = None
    while (state := folder.read()) is not None and state.process == process and folder.serves(state):
        if all(expert.up for expert in state.experts.values()):
            unreached = [
                expert.replicas[0].base_url
                for expert in state.experts.values()
                if not any(one.up and answers(one.base_url) for one in expert.replicas)
            ]
            if not unreached:
                return
            unreached_at = unreached_at or time.monotonic()
            if time.monotonic() - unreached_at > _REACHED_WITHIN_S:
                raise ServiceError(
                    f"{unreached[0]} answers on its own machine, and not to this one: the name has to be that of an "
                    "address that other nodes reach, and no firewall between them"
                )
        if os.getppid() != parent:
            raise ServiceError("the process that waits for the experts has ended")
        time.sleep(_LOOK_S)
    why = folder.failure(process)
    raise ServiceError(why or f"the service has ended before its experts were up; its folder is {path}")


def _end(state: ServiceState | None, log: Path) -> None:
    """End what is left of an earlier service."""
    process = Identity.parse(state.process) if state is not None else None
    if process is not None and process.here and not process.ended():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    while is_held(log):
        if time.monotonic() > deadline:
            raise ServiceError(f"the service before does not end; it writes {log}")
        time.sleep(_LOOK_S)


def _start(folder: ServiceFolder, owner: Identity, log: Path, serving: Sequence[str]) -> ServiceState:
    """Start a service that is no descendant of this process, on this machine."""
    process = start_detached([sys.executable, "-m", "workflow.logged", "--until", str(owner), str(log), "--", *serving])
    return _published(folder, lambda: process is None or process.ended(), log)


def _start_as_a_job(
    folder: ServiceFolder,
    before: ServiceState | None,
    workflow: Workflow,
    log: Path,
    serving: Sequence[str],
    accelerators: int,
) -> ServiceState:
    """Have a service as a job of Slurm's, which may have been submitted already by a run that has ended meanwhile."""
    printed = log.with_name("slurm.log")
    noted = folder.noted_job() if before is None else None
    job = SlurmJob(noted, workflow) if noted is not None else None
    if job is None or job.ended():
        _end(before, log)
        folder.clear()
        for old in (log, printed):
            old.unlink(missing_ok=True)
        command = [sys.executable, "-m", "workflow.logged", str(log), "--", *serving]
        job = SlurmJob.submit(workflow, printed, command, accelerators)
        folder.note_job(job.number)
    return _published(folder, job.ended, log, printed)


def _published(folder: ServiceFolder, ended: Callable[[], bool], *logs: Path) -> ServiceState:
    """The state of a service that is starting, once there is one; the first of ``logs`` that is there says why not."""
    while True:
        # In this order: it may write it, and end, between the two.
        over = ended()
        if (state := folder.read()) is not None:
            return state
        if over:
            log = next((log for log in logs if log.exists() and log.stat().st_size), logs[0])
            text = log.read_text("utf-8", "replace") if log.exists() else ""
            said = [line for line in text.splitlines() if line.strip()]
            reason = said[-1].removeprefix("expert service: ") if said else "it printed nothing"
            raise ServiceError(f"{reason} (log {log})")
        time.sleep(_LOOK_S)
