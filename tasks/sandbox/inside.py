"""What runs in a box. ``python -m tasks.sandbox.inside``, as process 1, with the control socket as standard input.

That process runs nothing of anybody's: it forks one that does, on the parent's word, and ends it on the next. As
process 1 of its namespace it cannot be killed or stopped from inside, nothing may look into it, and what it has forked
is all that there is beside it; when it ends, everything in the box does, and it ends with its parent, whose end of the
socket closes. What one program leaves behind the next does not find: its process is gone, and what it wrote is removed.

What is forked does what :mod:`tasks.sandbox.serving` says.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
from typing import Any, NoReturn

from tasks.sandbox import values
from tasks.sandbox.confine import Limits, confine, seal
from tasks.sandbox.serving import judge, run
from tasks.sandbox.wire import Channel, Closed, TooLong

#: The private folder, which is the working folder.
PRIVATE = "/tmp"
# Seconds between two looks at how many files there are.
_LOOK_S = 0.05


def main() -> NoReturn:
    """Fork, end and clean up, as the parent says, until it is gone."""
    if os.getpid() != 1 or not os.path.ismount(PRIVATE) or os.listdir(PRIVATE):
        # This is no box: what it ends and removes would be the host's.
        os._exit(1)
    seal()
    # From inside, this signal would reach even process 1: Python has a handler for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    _silence(1, 2)
    control.send(b"ready")
    child, too_many, most = 0, False, 0
    while True:
        control.settimeout(_LOOK_S if child and not too_many else None)
        try:
            order, descriptors, *_ = socket.recv_fds(control, 2**12, 1)
        except TimeoutError:
            room = os.statvfs(PRIVATE)
            if too_many := room.f_files - room.f_ffree > most:
                _kill()
            continue
        if not order:
            os._exit(0)
        if descriptors:
            limits = Limits(**json.loads(order)["limits"])
            child, most = os.fork(), limits.entries
            if child == 0:
                _serve(descriptors[0], limits)
            os.close(descriptors[0])
        else:
            control.send(json.dumps(_end(child) | {"too_many_files": too_many}).encode())
            child, too_many = 0, False


def _kill() -> None:
    """All that runs here but this process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def _end(child: int) -> dict[str, Any]:
    """End all that runs here but this process, and remove what it wrote; how ``child`` ended."""
    ended: dict[str, Any] = {}
    _kill()
    while True:
        try:
            process, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        if process == child:
            signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            ended = {"signal": signalled, "cpu_s": usage.ru_utime + usage.ru_stime}
    # What cannot be removed ends this process, and so the box: the next program gets another one.
    for entry in os.scandir(PRIVATE):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    return ended


def _serve(descriptor: int, limits: Limits) -> NoReturn:
    """Become the process that serves one program or one run of tests; only the socket that it was given stays open."""
    try:
        _silence(0, 1, 2)
        os.dup2(descriptor, 3)
        os.closerange(4, 2**16)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        os.chdir(PRIVATE)
        channel = Channel(socket.socket(fileno=3))
        confine(limits)
        channel.send(b"B")
        letter, content = channel.receive()
        if letter == b"T":
            judge(channel, *values.loads(content))
        else:
            run(channel, *values.loads(content))
    except (Closed, TooLong):
        pass
    finally:
        os._exit(0)


def _silence(*descriptors: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    os.close(null)


if __name__ == "__main__":
    main()
