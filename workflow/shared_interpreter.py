"""One interpreter for the jobs of a workflow on this machine: it has imported the engines, and jobs are forked off it.

Each training and each draw would spend fifteen seconds of a core on the same imports. The first job of a workflow
starts the interpreter (:func:`in_place_of_python`), later ones find it, and it ends with the workflow, by the
``workflow.logged`` that it runs under. Jobs that come while it still imports wait for it.

``python -m workflow.shared_interpreter FOLDER OWNER [MODULE ...]``: what the first job starts.
"""

import argparse
import contextlib
import fcntl
import importlib
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.cpu.fork_server import ForkServer, bound, get_ready
from eapo_verl.record.files import write_whole
from workflow.belonging import Workflow
from workflow.processes import (
    Identity,
    StopRequest,
    adopt_orphans,
    end_children,
    hold,
    start_detached,
    this_process,
)
from workflow.quiet import QUIET

#: What engines import, of others' and not of ours. Not Ray: it reads its environment as it is loaded.
ENGINES = (
    "lm_eval",
    "vllm.entrypoints.openai.api_server",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.llama",
    "tensordict",
    "peft",
    "math_verify",
)
#: Set to "no", it has each job be a python of its own: as long to start as before, and to be profiled by itself.
FORK_VARIABLE = "EAPO_FORK_JOBS"
#: In its folder: which process it is, and of which workflow.
_NOTED = "interpreter"
#: Seconds that a process has after SIGTERM, and what it leaves behind: together less than ``workflow.logged`` gives.
_GRACE_S, _ORPHAN_GRACE_S = 4.0, 1.0
_LOOK_S = 0.02


class NotStarted(Exception):
    """Why there is no interpreter, in one line."""


def in_place_of_python(start: bool = True, modules: Sequence[str] = ENGINES) -> str:
    """The program that a job of this workflow is to start for ``python``.

    It is ``python`` itself on accelerators, outside a workflow, where ``EAPO_FORK_JOBS=no`` is in the environment, and
    where a cluster has started the job: what one job starts there may end with that job.

    Args:
        start: have the interpreter started where there is none yet; otherwise it is ``python`` then.
        modules: what it imports.

    Raises:
        NotStarted: it ends before it can be asked.
    """
    workflow = Workflow.of_this_job() if os.environ.get(FORK_VARIABLE) != "no" else None
    if workflow is None or not (workflow.process.here and workflow.has_started_us() and on_cpu()):
        return "python"
    folder, log = workflow.results / "services" / "python", workflow.results / "logs" / "python.log"
    program, noted, owner = folder / "python", folder / _NOTED, str(workflow.process)
    with _starting(folder):
        if not _serves(noted, owner):
            if not start:
                return "python"
            noted.unlink(missing_ok=True)
            command = [sys.executable, "-m", __name__, str(folder), owner, *modules]
            wrapped = [sys.executable, "-m", "workflow.logged", "--until", owner, str(log), "--", *command]
            process = start_detached(wrapped)
            while True:
                # In this order: it may note itself, and end, between the two.
                over = process is None or process.ended()
                if noted.exists():
                    break
                if over:
                    raise NotStarted(f"the interpreter that jobs are forked off ended as it started; its log is {log}")
                time.sleep(_LOOK_S)
    return str(program)


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """Only one job looks, and starts, at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "starting", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _serves(noted: Path, owner: str) -> bool:
    """Whether the interpreter that is noted there is this workflow's, and lives."""
    if not noted.exists():
        return False
    process, its_owner = noted.read_text(encoding="ascii").split()
    return its_owner == owner and not Identity.parse(process).ended()


class JobServer(ForkServer):
    """Below each process that it forks for a job stands one that holds it: it ends what the process leaves behind."""

    def begin(self, become: Callable[[int], NoReturn], fds: Sequence[int]) -> NoReturn:
        """Hold the process, a child of this one and in a session of its own, until it or the interpreter has ended."""
        us = os.getpid()
        server = Identity.of(os.getppid())
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        process = os.fork()
        if process == 0:
            os.setsid()
            become(us)
        for fd in fds:
            os.close(fd)
        adopt_orphans()
        status, _ = hold(process, StopRequest([server] if server else []), _GRACE_S, _ORPHAN_GRACE_S)
        if status < 0:
            if -status != signal.SIGKILL:
                signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        os._exit(status)

    def has_ended(self, status: int) -> None:
        """End what a killed holder has left."""
        if os.WIFSIGNALED(status):
            end_children(_ORPHAN_GRACE_S, keep=self.processes)


def main() -> None:
    """Command line; ends with the process that has started it."""
    parser = argparse.ArgumentParser(prog="python -m workflow.shared_interpreter", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("owner", type=Identity.parse)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    arguments = parser.parse_args()
    parent = os.getppid()
    adopt_orphans()
    with bound(arguments.folder) as (listener, program):
        # Whoever asks from now on waits until everything is imported.
        write_whole(arguments.folder / _NOTED, f"{this_process()} {arguments.owner}")
        os.environ |= QUIET | dict(os.environ)
        with warnings.catch_warnings():
            # Engines name what is not installed.
            warnings.simplefilter("ignore", UserWarning)
            for module in arguments.modules:
                importlib.import_module(module)
        get_ready()
        JobServer(listener, program).serve(parent)


if __name__ == "__main__":
    main()
