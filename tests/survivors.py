"""Who is left of everything that a test has started, however detached: found by a mark in the environment."""

import contextlib
import os
import signal
import time
import uuid
from pathlib import Path

import psutil

from tests import ROOT
from workflow.processes import Identity

_VARIABLE = "EAPO_TEST_MARK"
#: Seconds in which everything has to be gone.
LIMIT_S = 15.0


class Marked:
    """Processes whose environment is :attr:`environment`, inherited or handed on, and their descendants.

    A process that changes its title (engines, Ray's workers) overwrites the mark: it has to be seen, by any method,
    while its parent lives, and is known from then on.
    """

    def __init__(self) -> None:
        self._entry = f"{_VARIABLE}={uuid.uuid4().hex}"
        self._seen: set[Identity] = set()
        name, _, value = self._entry.partition("=")
        self.environment = os.environ | {name: value, "PYTHONPATH": str(ROOT)}

    def alive(self) -> list[psutil.Process]:
        """Those that live now."""
        for pid in psutil.pids():
            try:
                if self._is_marked(pid):
                    found = psutil.Process(pid)
                    pids = [pid, *(each.pid for each in found.children(recursive=True))]
                    self._seen |= {identity for each in pids if (identity := Identity.of(each)) is not None}
            except (OSError, psutil.NoSuchProcess):
                continue
        living = []
        for identity in self._seen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(identity.pid)
                if not identity.ended():
                    living.append(process)
        return living

    def _is_marked(self, pid: int) -> bool:
        return self._entry.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    def named(self, *words: str) -> list[psutil.Process]:
        """Those whose command line has every one of ``words`` as an argument or in one."""
        return [each for each in self.alive() if all(word in command_line(each) for word in words)]

    def left_after(self, limit_s: float = LIMIT_S) -> list[str]:
        """The command lines of those that are still there after ``limit_s`` seconds; returns when there is none."""
        deadline = time.monotonic() + limit_s
        while (left := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [command_line(each) for each in left]

    def kill(self) -> None:
        """End what a failed test has left."""
        for each in self.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)


def trainer_below(process: psutil.Process) -> psutil.Process:
    """Of a job's processes the training itself, which is the one that has started Ray's daemon."""
    trainers = []
    for each in process.children(recursive=True):
        # One that ends meanwhile is not Ray's daemon.
        with contextlib.suppress(psutil.NoSuchProcess):
            if each.name() == "raylet":
                trainers.append(each.parent())
    (trainer,) = trainers
    assert trainer is not None
    return trainer


def command_line(process: psutil.Process) -> str:
    """What it was started by; nothing of one that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def wait_for(path: Path, limit_s: float = 30.0) -> str:
    """The content of a file that some process is about to write."""
    deadline = time.monotonic() + limit_s
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} was not written within {limit_s:.0f} s"
        time.sleep(0.05)
    return path.read_text()
