"""The workflow that a job belongs to, on whichever machine the job runs.

A workflow's main process holds a lock in the experiment's folder, and has written there who it is. On its own machine
jobs look at the process; on another one, a node of a cluster say, at the lock.
"""

import os
import time
from pathlib import Path

import psutil

from workflow.locks import is_held, take
from workflow.processes import Identity, this_process

#: Name the workflow's main process, and the file of its lock, in the environment of its jobs.
WORKFLOW_VARIABLE, LOCK_VARIABLE = "EAPO_WORKFLOW", "EAPO_WORKFLOW_LOCK"
#: Seconds between looks at a lock, which may be on a file system of another machine's.
_LOOK_S = 2.0


class Workflow:
    """A workflow, as its jobs see it.

    Args:
        process: its main process.
        lock: the file that this process holds, and is named in.
    """

    def __init__(self, process: Identity, lock: Path) -> None:
        self.process, self._lock = process, lock
        self._looked_at, self._ended = float("-inf"), False

    @classmethod
    def of_this_job(cls) -> "Workflow | None":
        """The one that the environment names, if any; None also where nothing can be known of it from here."""
        named, lock = os.environ.get(WORKFLOW_VARIABLE), os.environ.get(LOCK_VARIABLE)
        process = Identity.parse(named) if named else None
        if process is None or not (process.here or lock):
            return None
        return cls(process, Path(lock or os.devnull))

    @property
    def results(self) -> Path:
        """The folder of the experiment that it makes."""
        return self._lock.parent

    @property
    def description(self) -> str:
        """Which process it is, and how its end is told."""
        if self.process.here:
            return self.process.description
        host = self.process.host.partition("/")[0]
        return (
            f"process {self.process.pid} of {host} (which does not hold {self._lock}, as seen from here: the file "
            "system has to carry locks from node to node)"
        )

    def ended(self) -> bool:
        """Whether the process is known to have ended, or another one is in its place."""
        if self.process.here:
            return self.process.ended()
        if not self._ended and time.monotonic() - self._looked_at >= _LOOK_S:
            self._ended = not (_reads(self._lock) == str(self.process) and is_held(self._lock))
            self._looked_at = time.monotonic()
        return self._ended

    def has_started_us(self) -> bool:
        """Whether this process descends from the workflow's: it does not where a cluster's scheduler has started it."""
        return any(Identity.of(parent.pid) == self.process for parent in psutil.Process().parents())


def take_named(lock: Path) -> int:
    """Take a lock (:func:`workflow.locks.take`) and write into it that this process holds it."""
    descriptor = take(lock)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(this_process()).encode())
    return descriptor


def announce(lock: Path) -> None:
    """Name this process, which holds ``lock`` by :func:`take_named`, in the environment of its jobs."""
    os.environ |= {WORKFLOW_VARIABLE: str(this_process()), LOCK_VARIABLE: str(lock.absolute())}


def _reads(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
