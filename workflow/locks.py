"""Who writes a file: locks of the kernel's, which are gone when their last holder is, and the processes behind them."""

import fcntl
import os
from pathlib import Path

import psutil


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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InUse(path) from error
    return descriptor


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
    folder = Path(f"/proc/{pid}/fd")
    try:
        for each in folder.iterdir():
            found = each.stat()
            if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                flags = next(
                    line for line in Path(f"/proc/{pid}/fdinfo/{each.name}").read_text().splitlines() if "flags" in line
                )
                if int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY:
                    return True
    except OSError:  # it has ended, has closed the file, or belongs to somebody else
        return False
    return False
