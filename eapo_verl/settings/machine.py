"""What a run needs of the machine that it is on, beside cores and memory: checked before it starts."""

import os
import shutil
from pathlib import Path

from eapo_verl.settings.run import RunError

#: Bytes that the kernel allows for a socket's name, and the longest name that Ray gives one below TMPDIR.
_SOCKET_BYTES = 107
_SOCKET = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
#: Bytes of the name of the folder for temporary files.
LONGEST = _SOCKET_BYTES - len(_SOCKET)


def check_temporary_folder() -> None:
    """Check that sockets have room in the folder for temporary files.

    Raises:
        RunError: its name is too long.
    """
    for variable in ("RAY_TMPDIR", "TMPDIR"):
        folder = os.environ.get(variable, "")
        if len(os.fsencode(folder)) > LONGEST:
            raise RunError(
                f"{variable}={folder}: sockets are made there, so that it may have {LONGEST} bytes: /tmp, for one"
            )


def check_room(folder: Path, needed: int, what: str) -> None:
    """Check that so many bytes have room in a folder; ``what`` is to be written there.

    Quotas, which not every file system tells, are met when it is written.

    Raises:
        RunError: they have not.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(
            f"{folder}: {what} takes {needed / 1e9:.1f} GB, and the file system has room for {free / 1e9:.1f} GB: make "
            "room, or work in a folder on another one (--directory)"
        )
