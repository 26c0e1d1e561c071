"""Who writes a file: locks of the kernel's, which are gone when their last holder is, and the processes behind them."""

import fcntl
import os
import time
from pathlib import Path

import psutil

# Seconds that a lock may seem to be held by who only asks whether it is.
_ASKED_S, _LOOK_S = 0.2, 0.01


class InUse(Exception):
    """Which process writes which file, in one line."""

    def __init__(self, path: Path) -> None:
        pids = writers(path)
        who = f"process {', '.join(map(str, pids))}" if pids else "a process of another user or machine"
        super().__init__(f"{path} is in use by {who}")


def take(path: Path) -> int:
    """Lock ``path``, made if it is missing, for as long as the returned file descriptor is open in any process.

    Raises:
        InUse: somebody holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    deadline = time.monotonic() + _ASKED_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError as error:
            # Who asks by is_held has it for a moment, too.
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise InUse(path) from error
            time.sleep(_LOOK_S)


def is_held(path: Path) -> bool:
    """Whether somebody holds ``path``."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def writers(path: Path) -> list[int]:
    """The other processes, of this user and machine, that have ``path`` open for writing."""
    wanted = path.stat()
    return [pid for pid in psutil.pids() if pid != os.getpid() and _writes(pid, wanted)]


def _writes(pid: int, wanted: os.stat_result) -> bool:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:  # it has ended, or belongs to somebody else
        return False
    return any(_writes_by(pid, name, wanted) for name in names)


def _writes_by(pid: int, descriptor: str, wanted: os.stat_result) -> bool:
    try:
        found = os.stat(f"/proc/{pid}/fd/{descriptor}")
        if (found.st_dev, found.st_ino) != (wanted.st_dev, wanted.st_ino):
            return False
        lines = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().splitlines()
    except OSError:  # it has closed this one
        return False
    flags = next(line for line in lines if "flags" in line)
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
