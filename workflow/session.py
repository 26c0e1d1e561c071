"""The workflow's main process: says who it is, has the experiment to itself, and takes its jobs along when it ends."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from workflow.belonging import Workflow, announce, take_named
from workflow.locks import InUse, is_held
from workflow.processes import STOPPING, Identity

#: Set by who starts Snakemake where the workflow is to end with its parent process.
FOLLOW_VARIABLE = "EAPO_FOLLOW_PARENT"
#: Seconds in which the jobs of a workflow that has ended are gone.
JOBS_END_WITHIN_S = 30.0
#: The workflow's own, in the results folder.
LOCK = ".lock"
_LOOK_S = 0.2


class Stray(Exception):
    """Whose job this was, in one line."""


class Unusable(Exception):
    """Why an experiment cannot have its folder, in one line."""


def begin(workflow: Any, results: Path) -> None:
    """Called by Snakemake's main process before its first job.

    Args:
        workflow: Snakemake's.
        results: the folder that the jobs write into.

    Raises:
        InUse: another workflow works there, or a job still does.
        Unusable: nothing can be written there, or locked.
    """
    try:
        take_experiment(results)
    except OSError as error:
        raise Unusable(
            f"{error.filename or results}: {error.strerror}: needed is a folder of this user's, on a file system with "
            "room and with locks (flock)"
        ) from error
    announce(results / LOCK)
    end_jobs_on_signals(workflow.scheduler.exit_gracefully if workflow.local_exec else None)


def refuse_strays(workflow: Any) -> None:
    """Called wherever the workflow is read: keep a job that has waited in a cluster's queue from starting too late.

    It would first remove what it is to make, which another job may have made meanwhile.

    Args:
        workflow: Snakemake's.

    Raises:
        Stray: this is the Snakemake of a job, and the workflow that submitted it has ended.
    """
    submitted_by = Workflow.of_this_job() if workflow.remote_exec else None
    if submitted_by is not None and submitted_by.ended():
        raise Stray(f"this job belongs to {submitted_by.description}, which has ended")


def limit_trainings(workflow: Any, slots: int) -> None:
    """Let so many trainings, jobs with the resource ``training_slots``, run at once, unless the command line says.

    The limit is one of this machine (in Snakemake's words, the resource's scope is local): where jobs are submitted to
    a cluster, it does not count.
    """
    workflow.resource_scopes.update({"training_slots": "local"})
    if "training_slots" not in workflow.global_resources:
        workflow.register_resource("training_slots", slots)


def take_experiment(results: Path) -> int:
    """Reserve a results folder for this process; returns the file descriptor of its lock.

    Jobs of a workflow that was killed a moment ago are waited for.

    Raises:
        InUse: another workflow works in it, or a job still writes there.
    """
    lock = take_named(results / LOCK)
    deadline = time.monotonic() + JOBS_END_WITHIN_S
    waited = False
    while written := [log for log in sorted((results / "logs").rglob("*.log")) if is_held(log)]:
        if time.monotonic() > deadline:
            os.close(lock)
            raise InUse(written[0])
        if not waited:
            print(f"{InUse(written[0])}: waiting for its end", file=sys.stderr, flush=True)
            waited = True
        time.sleep(_LOOK_S)
    return lock


def end_jobs_on_signals(stop_scheduling: Callable[[], Any] | None) -> None:
    """From now on SIGINT, SIGTERM and SIGHUP end the running jobs (Snakemake's own handler lets them finish).

    Where the environment asks for it, the end of the parent process does too.

    Args:
        stop_scheduling: keeps further jobs from being started; None where jobs are a cluster's, and not our children.
    """
    asked = threading.Event()

    def handle(number: int, frame: object) -> None:
        if stop_scheduling is None:
            # Snakemake then cancels what it has submitted. A second signal ends it at once: its jobs notice.
            signal.signal(number, signal.SIG_DFL)
            raise KeyboardInterrupt
        # In a thread: what the handler interrupts may hold the locks that the scheduler takes.
        if not asked.is_set():
            asked.set()
            threading.Thread(target=_end_jobs, args=(stop_scheduling,), daemon=True).start()

    for number in STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
    parent = Identity.of(os.getppid()) if os.environ.pop(FOLLOW_VARIABLE, None) else None
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: Identity) -> None:
    while not parent.ended():
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _end_jobs(stop_scheduling: Callable[[], Any]) -> None:
    print("ending the running jobs", file=sys.stderr, flush=True)
    stop_scheduling()
    ended: set[int] = set()
    # A job may be about to start.
    while True:
        for child in psutil.Process().children():
            if child.pid not in ended:
                ended.add(child.pid)
                # One that Snakemake has reaped meanwhile.
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.terminate()
        time.sleep(_LOOK_S)


def training_slots(cores: int, threads: int, memory_mb: int, training_memory_mb: int, gpus: int | None) -> int:
    """How many trainings a machine has room for, one at least.

    Args:
        cores: that the workflow may use.
        threads: of a training.
        memory_mb: of the machine.
        training_memory_mb: of a training.
        gpus: sets of accelerators for one training each; None where a training needs none.
    """
    rooms = [cores // threads, memory_mb // training_memory_mb, *([] if gpus is None else [gpus])]
    return max(1, min(rooms))
