"""Child processes that cannot outlive the job that started them."""

import ctypes
import signal
import subprocess
from collections.abc import Sequence
from typing import IO

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel to terminate this process when its parent dies, however the parent dies (Linux)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies, so that :func:`end_children` finds it."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start(command: Sequence[str], stdout: IO | int) -> subprocess.Popen:
    """Start ``command`` in a session of its own (a Ctrl-C reaches it through us only), its stderr in its stdout."""
    return subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent
    )


def end_children(grace_s: float = 10.0) -> int:
    """Terminate every descendant of this process, kill what is left after ``grace_s`` seconds; return how many ran."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        _signal(child, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(children, timeout=grace_s)
    for child in [*stubborn, *psutil.Process().children(recursive=True)]:
        _signal(child, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=grace_s)
    return len(children)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
