"""Which workflow a job belongs to, on its machine and on another; tests/integration/test_lifetimes.py has real ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import ROOT
from workflow import belonging
from workflow.belonging import LOCK_VARIABLE, WORKFLOW_VARIABLE, Workflow, take_named
from workflow.processes import this_process
from workflow.session import Stray, end_jobs_on_signals, refuse_strays

#: A workflow's main process: takes the lock that it is given, and says so.
HOLDER = (
    "import sys, time; from pathlib import Path; from workflow.belonging import take_named;"
    " take_named(Path(sys.argv[1])); print(flush=True); time.sleep(600)"
)
ELSEWHERE = "login1/boot/1"


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen]:
    """It holds the lock ``.lock``, in which it is written as a process of another machine."""
    monkeypatch.setattr(belonging, "_LOOK_S", 0.0)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout is not None and process.stdout.readline()
        yield process
        process.kill()


def elsewhere(lock: Path) -> Workflow:
    """The workflow whose main process holds ``lock``, were it on another machine."""
    us = replace(this_process(), host=ELSEWHERE)
    lock.write_text(str(us))
    return Workflow(us, lock)


def test_from_another_machine_a_workflow_is_there_for_as_long_as_it_holds_its_lock(
    holder: subprocess.Popen, tmp_path: Path
) -> None:
    workflow = elsewhere(tmp_path / ".lock")
    assert not workflow.ended()
    holder.kill()
    holder.wait()
    assert workflow.ended()
    # For good: the next workflow may hold the lock by then.
    descriptor = take_named(tmp_path / ".lock")
    assert workflow.ended() and f"process {os.getpid()} of login1" in workflow.description
    os.close(descriptor)


def test_another_workflow_in_its_place_is_not_taken_for_it(holder: subprocess.Popen, tmp_path: Path) -> None:
    workflow = elsewhere(tmp_path / ".lock")
    (tmp_path / ".lock").write_text(str(replace(this_process(), pid=1, host=ELSEWHERE)))
    assert workflow.ended()
    (tmp_path / ".lock").unlink()
    assert elsewhere(tmp_path / ".lock").ended()


def test_a_job_knows_its_workflow_by_process_here_and_by_lock_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    us = this_process()
    for named, lock, known in (
        (None, None, False),
        (us, None, True),
        (replace(us, host=ELSEWHERE), None, False),
        (replace(us, host=ELSEWHERE), tmp_path / ".lock", True),
    ):
        for variable, value in ((WORKFLOW_VARIABLE, named), (LOCK_VARIABLE, lock)):
            monkeypatch.delenv(variable, raising=False)
            if value is not None:
                monkeypatch.setenv(variable, str(value))
        found = Workflow.of_this_job()
        assert (found and found.process) == (named if known else None)


def test_a_job_of_the_workflows_own_is_told_from_one_that_a_cluster_has_started(tmp_path: Path) -> None:
    parent = this_process().of(os.getppid())
    assert parent is not None and Workflow(parent, tmp_path).has_started_us()
    with subprocess.Popen(["sleep", "60"]) as sibling:
        other = this_process().of(sibling.pid)
        assert other is not None and not Workflow(other, tmp_path).has_started_us()
        sibling.kill()


def test_a_job_that_has_waited_for_longer_than_its_workflow_lived_touches_nothing(
    holder: subprocess.Popen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = elsewhere(tmp_path / ".lock")
    monkeypatch.setenv(WORKFLOW_VARIABLE, str(workflow.process))
    monkeypatch.setenv(LOCK_VARIABLE, str(tmp_path / ".lock"))
    refuse_strays(SimpleNamespace(remote_exec=True))
    holder.kill()
    holder.wait()
    with pytest.raises(Stray, match=rf"^this job belongs to process {os.getpid()} of login1 .*, which has ended$"):
        refuse_strays(SimpleNamespace(remote_exec=True))
    # The next workflow's own, started from a job's shell.
    refuse_strays(SimpleNamespace(remote_exec=False))


#: Of two jobs the first one ends, and is waited for, as somebody looks for both.
LATE = """
import os, signal, subprocess, time
import psutil
from workflow.session import end_jobs_on_signals

jobs = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
found = [psutil.Process(job.pid) for job in jobs]
jobs[0].kill(), jobs[0].wait()
psutil.Process.children = lambda self: found
end_jobs_on_signals(lambda: None)
os.kill(os.getpid(), signal.SIGTERM)
print(jobs[1].wait(30))
"""


def test_a_job_that_ends_by_itself_meanwhile_keeps_no_other_one_running() -> None:
    made = subprocess.run([sys.executable, "-c", LATE], cwd=ROOT, capture_output=True, text=True)
    assert made.stdout == f"{-signal.SIGTERM}\n", made.stderr


@pytest.mark.usefixtures("deliverable_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_where_jobs_are_a_clusters_a_signal_lets_snakemake_cancel_them(number: int) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        end_jobs_on_signals(None)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 5)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
