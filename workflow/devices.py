"""Accelerators of this machine, each of which one job of a workflow's has at a time.

``python -m workflow.devices N -- COMMAND ...`` waits until N of them are free, and becomes COMMAND, which sees these
alone. It holds them by locks, which are gone when it is. Where a cluster gives each job its own, nothing is to share.
"""

import fcntl
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflow.command import BadInput, run_command, split_command
from workflow.expert_service.placement import DEVICES_VARIABLE, visible

#: Names the folder of the locks in the environment of jobs that share this machine's.
FOLDER_VARIABLE = "EAPO_ACCELERATORS"
_LOOK_S = 1.0


def share_out(workflow: Any, folder: Path, limit: int) -> None:
    """Let jobs of this machine, which ask for accelerators by the resource ``gpu``, share them.

    Args:
        workflow: Snakemake's.
        folder: of the locks.
        limit: that all jobs that run at once may have together, unless the command line says.
    """
    if not workflow.local_exec or workflow.remote_exec:
        return
    os.environ[FOLDER_VARIABLE] = str(folder.absolute())
    if "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", limit)


def claimed(count: int, last: bool = False) -> list[str] | None:
    """So many of the accelerators that this process sees, held by it from now on; None where there is none to share.

    Args:
        count: waited for.
        last: whether they are the last ones that are free, and not the first.

    Raises:
        BadInput: it does not see as many.
    """
    folder, there = os.environ.get(FOLDER_VARIABLE), visible()
    if folder is None or there is None:
        return None
    if count > len(there):
        raise BadInput(f"{count} accelerators are needed, and this machine has {len(there)}")
    return claim(Path(folder), count, there[::-1] if last else there)


def claim(folder: Path, count: int, names: Sequence[str]) -> list[str]:
    """Wait until so many of ``names`` are free at once; the first of these, held for as long as this process lives."""
    folder.mkdir(parents=True, exist_ok=True)
    waits = False
    while (held := _hold(folder, count, names)) is None:
        if not waits:
            print(f"accelerators: waiting for {count} of {len(names)}, which others hold", file=sys.stderr, flush=True)
        waits = True
        time.sleep(_LOOK_S)
    return held


def _hold(folder: Path, count: int, names: Sequence[str]) -> list[str] | None:
    # One at a time looks: two that each hold a part of what they need would wait for each other.
    looking = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(looking, fcntl.LOCK_EX)
        held: dict[str, int] = {}
        for name in names:
            descriptor = os.open(folder / f"{name.replace('/', '-')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            held[name] = descriptor
            if len(held) == count:
                for one in held.values():
                    os.set_inheritable(one, True)
                return [*held]
        for one in held.values():
            os.close(one)
        return None
    finally:
        os.close(looking)


def _become(arguments: Sequence[str]) -> None:
    ours, command = split_command([*arguments])
    if len(ours) != 1 or not ours[0].isdecimal() or not command:
        raise BadInput(f"{' '.join(arguments)!r}: needed is N -- COMMAND")
    names = claimed(int(ours[0]))
    if names is not None:
        os.environ[DEVICES_VARIABLE] = ",".join(names)
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(run_command("accelerators", _become))
