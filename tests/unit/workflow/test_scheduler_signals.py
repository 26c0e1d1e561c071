"""A signal that comes while Snakemake's scheduler holds its own lock."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import ROOT
from workflow.scheduler_signals import CHECKED_SNAKEMAKE

#: SIGTERM within the lock, as an error of a job is dealt with; what is printed says that the signal was not lost.
_INTERRUPTED = """
import os, signal, threading
from snakemake.scheduling.job_scheduler import JobScheduler
from workflow.scheduler_signals import handle_sigterm_in_a_thread

{patched}
scheduler = JobScheduler.__new__(JobScheduler)
scheduler._lock, scheduler._open_jobs, scheduler._user_kill = threading.Lock(), threading.Semaphore(0), None
signal.signal(signal.SIGTERM, scheduler.exit_gracefully)
with scheduler._lock:
    print("interrupted", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    print("goes on", flush=True)
assert scheduler._open_jobs.acquire(timeout=10)
print(scheduler._user_kill)
"""


@pytest.fixture
def interrupted(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen]:
    program = _INTERRUPTED.format(patched=request.param)
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("interrupted", ["handle_sigterm_in_a_thread(); handle_sigterm_in_a_thread()"], indirect=True)
def test_the_signal_is_dealt_with_once_the_lock_is_free(interrupted: subprocess.Popen) -> None:
    printed, _ = interrupted.communicate(timeout=60)
    assert (interrupted.returncode, printed.split("\n")) == (0, ["interrupted", "goes on", "graceful", ""])


@pytest.mark.parametrize("interrupted", [""], indirect=True)
def test_the_patch_is_still_needed(interrupted: subprocess.Popen) -> None:
    assert interrupted.stdout is not None and interrupted.stdout.readline() == "interrupted\n"
    with pytest.raises(subprocess.TimeoutExpired):
        interrupted.wait(timeout=3)


def test_the_installed_snakemake_is_patched() -> None:
    assert importlib.metadata.version("snakemake") in CHECKED_SNAKEMAKE
