"""A Slurm of one node on this machine, from Debian's packages: made, and removed with all that it has left.

It needs no systemd, and has no accounting. What it says of the node's processors and memory is more than there is, so
that everything that can wait for each other fits.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from workflow.processes import Identity

_PACKAGES = ["munge", "slurmctld", "slurmd", "slurm-client"]
#: Where Slurm's programs look; the plugin of a job's step drops the variable that names another place.
_CONFIGURATION = Path("/etc/slurm/slurm.conf")
_STATE, _MUNGE = Path("/var/lib/eapo-test-slurm"), Path("/run/munge")
#: Debian's: whether a package may start its service.
_POLICY = Path("/usr/sbin/policy-rc.d")
#: In the folder of states: the packages that were there before, and the daemons, by which a killed run is tidied up.
_BEFORE, _DAEMONS = _STATE / "packages", _STATE / "daemons"
_CONTENT = """\
ClusterName=eapo
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={state}/slurmctld
SlurmdSpoolDir={state}/slurmd
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Unusable(Exception):
    """Why there can be no Slurm on this machine, in one line."""


@contextmanager
def one_node() -> Iterator[None]:
    """A Slurm that takes jobs. What one that was killed has left is removed first.

    Raises:
        Unusable: this is not root of a Debian, or a Slurm is here already.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unusable("a Slurm is made from Debian's packages, by root, on a machine that has apt-get")
    _tidy()
    if _CONFIGURATION.exists() or shutil.which("slurmctld") or shutil.which("munged"):
        raise Unusable(f"this machine has Slurm or munge already ({_CONFIGURATION}), which is left alone")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        _install()
        _start()
        yield
    finally:
        _tidy()


def ask(*command: str) -> str:
    """What one of Slurm's commands prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _installed() -> set[str]:
    listed = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${binary:Package}\\n"]
    lines = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[1] for line in lines if line.startswith("ii")}


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "-qq", "-y", *arguments], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unusable(f"apt-get {arguments[0]}: {' '.join(done.stderr.split())[-300:]}")


def _install() -> None:
    _STATE.mkdir(parents=True)
    _BEFORE.write_text("\n".join(sorted(_installed())))
    ours = not _POLICY.exists()
    if ours:
        # Nothing is to start by itself, where there is a systemd.
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        _apt("update")
        _apt("install", "--no-install-recommends", *_PACKAGES)
    finally:
        if ours:
            _POLICY.unlink()


def _start() -> None:
    for folder in (_STATE / "slurmctld", _STATE / "slurmd"):
        folder.mkdir()
    _MUNGE.mkdir(exist_ok=True)
    shutil.chown(_MUNGE, "munge", "munge")
    _CONFIGURATION.parent.mkdir(exist_ok=True)
    _CONFIGURATION.write_text(_CONTENT.format(host=socket.gethostname().partition(".")[0], state=_STATE))
    _daemon("munged", "--foreground", user="munge")
    _until((_MUNGE / "munge.socket.2").exists, "munged")
    _daemon("slurmctld", "-D")
    _daemon("slurmd", "-D")
    _until(_is_idle, "slurmd")


def _daemon(*command: str, user: str | None = None) -> None:
    with (_STATE / "printed").open("a") as printed, _DAEMONS.open("a") as daemons:
        started = subprocess.Popen(
            command, stdout=printed, stderr=printed, start_new_session=True, user=user, group=user
        )
        print(Identity.of(started.pid), file=daemons)


def _is_idle() -> bool:
    return subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout.strip() == "idle"


def _until(condition: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            logs = [path.read_text("utf-8", "replace")[-500:] for path in sorted(_STATE.glob("*.log"))]
            raise Unusable(f"{what} is not ready within {limit_s:.0f} s: {' '.join(' '.join(logs).split())}")
        time.sleep(0.5)


def _tidy() -> None:
    """End every job and every daemon, the last one first, and remove what was installed and written."""
    if not _BEFORE.exists():
        return
    daemons = [Identity.parse(line) for line in _DAEMONS.read_text().splitlines()] if _DAEMONS.exists() else []
    if any(not each.ended() for each in daemons):
        subprocess.run(["scancel", "--user=root"], capture_output=True)
        deadline = time.monotonic() + 60
        while _jobs() and time.monotonic() < deadline:
            time.sleep(1)
    for daemon in reversed(daemons):
        if not daemon.ended():
            process = psutil.Process(daemon.pid)
            process.terminate()
            _, left = psutil.wait_procs([process], timeout=20)
            for each in left:
                each.kill()
    new = sorted(_installed() - {*_BEFORE.read_text().splitlines()})
    if new:
        _apt("purge", *new)
    _CONFIGURATION.unlink(missing_ok=True)
    for folder in (_STATE, _MUNGE):
        shutil.rmtree(folder, ignore_errors=True)


def _jobs() -> str:
    return subprocess.run(["squeue", "-h"], capture_output=True, text=True).stdout.strip()
