"""What a run needs of the machine that it is on, beside cores and memory: checked before it starts."""

import os
import shutil
from pathlib import Path

from eapo_verl.settings.run import RunError

#: Bytes that the kernel allows for a socket's name; the longest name that Ray gives one below its folder, and vLLM.
_SOCKET_BYTES = 107
_RAYS, _VLLMS = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store", f"/{'0' * 36}"
#: Bytes of the name of the folder for temporary files, Ray's among them, and of one that is for others' alone.
LONGEST, LONGEST_BESIDE_RAYS = _SOCKET_BYTES - len(_RAYS), _SOCKET_BYTES - len(_VLLMS)


def check_temporary_folder() -> None:
    """Check that sockets have room in the folders for temporary files, Ray's (``RAY_TMPDIR``) and that of others.

    Raises:
        RunError: a name is too long.
    """
    own = "RAY_TMPDIR" in os.environ
    limits = {"RAY_TMPDIR": LONGEST, "TMPDIR": LONGEST_BESIDE_RAYS if own else LONGEST}
    for variable, most in limits.items():
        folder = os.environ.get(variable, "")
        if len(os.fsencode(folder)) > most:
            raise RunError(
                f"{variable}={folder}: sockets are made there, so that it may have {most} bytes: /tmp, for one"
                + ("" if own else ", or RAY_TMPDIR=/tmp beside it")
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
