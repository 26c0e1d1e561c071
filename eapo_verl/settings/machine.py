"""What a run needs of the machine that it is on, beside cores and memory: checked before it starts."""

import os

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
