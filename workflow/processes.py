"""Processes that end with those who started them, however those end (Linux).

Who has to end is asked by polling and not told by the kernel alone: its parent-death signal follows the *thread* that
started a child, and Snakemake starts jobs from a pool of threads.
"""

import ctypes
import functools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import psutil

from eapo_verl.cpu.parent_death import die_with_parent

#: Seconds that what has to end gets after SIGTERM: a command, and then what it has left behind.
COMMAND_GRACE_S, ORPHAN_GRACE_S = 6.0, 2.0

_PR_SET_CHILD_SUBREAPER = 36
_LOOK_S = 0.2
_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def _this_host() -> str:
    """This machine since it was started, as seen from this container: process ids mean the same where this is equal."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{socket.gethostname()}/{boot}/{os.stat('/proc/self/ns/pid').st_ino}"


@dataclass(frozen=True)
class Identity:
    """A process that no later one with the same id can be taken for: ``started`` is in clock ticks since the boot."""

    pid: int
    started: int
    host: str

    def __str__(self) -> str:
        return f"{self.pid}:{self.started}:{self.host}"

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """The inverse of ``str``; raises ValueError for anything else."""
        pid, started, host = text.split(":", 2)
        return cls(int(pid), int(started), host)

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The process that has this id now; None where there is none, or only the remains of one."""
        try:
            # The name, in brackets, may hold anything.
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]), _this_host())

    @property
    def description(self) -> str:
        """For people."""
        return f"process {self.pid}"

    @property
    def here(self) -> bool:
        """Whether this is a process of this machine, since its last start."""
        return self.host == _this_host()

    def ended(self) -> bool:
        """Whether the process is known to have ended; of one on another machine nothing is known."""
        return self.here and Identity.of(self.pid) != self


def this_process() -> Identity:
    """The running process."""
    identity = Identity.of(os.getpid())
    assert identity is not None
    return identity


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies, so that :func:`end_children` finds it."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start(
    command: Sequence[str], stdout: IO | int, pass_fds: Collection[int] = (), env: Mapping[str, str] | None = None
) -> subprocess.Popen:
    """Start ``command`` in a session of its own (a Ctrl-C reaches it through us only), its stderr in its stdout.

    The kernel terminates it when the calling thread ends. Arguments are those of :class:`subprocess.Popen`.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, signal.SIGTERM, os.getpid()),
        pass_fds=pass_fds,
        env=env,
    )


def start_detached(command: Sequence[str]) -> Identity | None:
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


#: Signals that ask a process to end.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Followed(Protocol):
    """Whom a process ends with."""

    @property
    def description(self) -> str:
        """Who it is, for people."""

    def ended(self) -> bool:
        """Whether it is known to have ended."""


class StopRequest:
    """Notes that this process was asked to end: by a signal, or by the end of somebody that it ``follows``.

    Made in the main thread; from then on SIGINT, SIGTERM and SIGHUP are noted and do nothing else.
    """

    def __init__(self, follows: Sequence[Followed]) -> None:
        self._follows = follows
        self._signal: int | None = None
        for number in STOPPING:
            # What nohup has switched off stays off.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda received, frame: setattr(self, "_signal", received))

    def reason(self) -> str | None:
        """Why this process has to end, or None."""
        if self._signal is not None:
            return signal.Signals(self._signal).name
        gone = next((one for one in self._follows if one.ended()), None)
        return f"the end of {gone.description}, which it belongs to" if gone is not None else None


def hold(pid: int, stop: StopRequest, grace_s: float, orphan_grace_s: float) -> tuple[int, str | None]:
    """Wait for a child, then end what it leaves behind; on a stop request it is terminated, and killed if it lingers.

    Args:
        pid: the child.
        stop: asked several times a second.
        grace_s: seconds between the child's SIGTERM and its SIGKILL.
        orphan_grace_s: the same for what it leaves behind, which has to be adopted (:func:`adopt_orphans`).

    Returns:
        The child's exit status, negative where a signal ended it, and why it was told to end (None: it was not).
    """
    began = time.monotonic()
    reason, deadline = None, float("inf")
    while (status := _exit_status(pid)) is None:
        now = time.monotonic()
        if reason is None:
            reason = stop.reason()
            if reason is not None:
                os.kill(pid, signal.SIGTERM)
                deadline = now + grace_s
        elif now > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        # Short jobs should not wait for being looked at.
        time.sleep(min(_LOOK_S, 0.01 + (now - began) / 50))
    end_children(orphan_grace_s)
    return status, reason


def _exit_status(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def end_children(grace_s: float, keep: Collection[int] = ()) -> None:
    """Terminate every descendant of this process, and kill what is left after ``grace_s`` seconds.

    ``keep`` names children that stay, with their descendants. The others must not be waited for anywhere else.
    """
    _signal_all(_descendants(keep), signal.SIGTERM)
    _until(lambda: not _descendants(keep), grace_s)

    def none_left() -> bool:
        # Again and again: what is killed last may have started another one.
        _signal_all(left := _descendants(keep), signal.SIGKILL)
        return not left

    _until(none_left, grace_s)


def _descendants(keep: Collection[int]) -> list[psutil.Process]:
    """Every living descendant, once; ended children are reaped on the way."""
    found: list[psutil.Process] = []
    ending: list[psutil.Process] = []
    for child in psutil.Process().children():
        if child.pid in keep:
            continue
        if Identity.of(child.pid) is None:
            # Where its main thread has ended, and others have not yet, it cannot be reaped: nobody else would, later.
            if not _reap(child.pid):
                ending.append(child)
            continue
        try:
            found += [child, *child.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return ending + [process for process in found if Identity.of(process.pid) is not None]


def reap_others(keep: Collection[int]) -> None:
    """Reap whichever child has ended, an adopted one too, unless it is one of ``keep``, whose holder asks for its end.

    A process that is killed may take longer to end than whoever killed it waits for.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in keep:
            return
        _reap(ended.si_pid)


def _reap(pid: int) -> bool:
    """Whether nothing is left of an ended child."""
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def _signal_all(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _until(condition: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
