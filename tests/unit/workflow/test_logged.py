"""Long jobs: their log, their progress lines, their failures and their end."""

import functools
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests import ROOT
from tests.survivors import LIMIT_S, wait_for
from workflow.locks import is_held, writers
from workflow.processes import Identity


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def logged(log: Path, code: str, **kwargs) -> subprocess.Popen:
    command = [sys.executable, "-m", "workflow.logged", str(log), "--", sys.executable, "-c", code]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **kwargs)


def test_everything_is_in_the_log_and_progress_on_the_terminal(tmp_path: Path) -> None:
    process = logged(tmp_path / "job.log", "print('noise'); print('(pid 3) progress: x: step 1/2')")
    _, stderr = process.communicate()
    assert process.returncode == 0
    assert stderr == "progress: x: step 1/2\n"
    assert "noise" in (tmp_path / "job.log").read_text()


def test_a_failure_shows_the_log_and_the_reason(tmp_path: Path) -> None:
    code = "import sys; print('before'); sys.exit('OSError: [Errno 28] No space left on device')"
    process = logged(tmp_path / "job.log", code)
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert str(tmp_path / "job.log") in stderr and "before" in stderr and "reason: the disk is full" in stderr


def test_a_job_ends_by_itself_where_its_log_cannot_be_written(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    most = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (5000, 5000))
    # More than a pipe holds.
    process = logged(log, "print('line\\n' * 50_000); print('progress: done'); raise SystemExit(7)", preexec_fn=most)
    _, stderr = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 7 and log.stat().st_size == 5000
    assert "progress: done" in stderr and "(the log lacks lines: File too large)" in stderr
    _, stderr = logged(log / "job.log", "print('never')").communicate()
    assert stderr == f"job not started: its log {log / 'job.log'} cannot be written: File exists\n"


def test_a_killed_job_is_said_to_be_killed(tmp_path: Path) -> None:
    process = logged(tmp_path / "job.log", "import os; os.kill(os.getpid(), 9)")
    _, stderr = process.communicate()
    assert process.returncode == 137
    assert "killed by signal 9" in stderr and "out of memory" in stderr


def test_nothing_outlives_the_job(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        f" start_new_session=True); open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))"
    )
    logged(tmp_path / "job.log", code).communicate()
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_terminated_wrapper_ends_its_job(tmp_path: Path) -> None:
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    process = logged(tmp_path / "job.log", code)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_log_that_is_being_written_is_refused_with_one_line(tmp_path: Path) -> None:
    first = logged(tmp_path / "job.log", "import time; print('first', flush=True); time.sleep(600)")
    wait_for(tmp_path / "job.log")
    try:
        second = logged(tmp_path / "job.log", "print('second')")
        _, said = second.communicate()
        assert second.returncode == 75
        assert said.startswith(f"job not started: {tmp_path / 'job.log'} is in use by process ")
        assert str(first.pid) in said and len(said.splitlines()) == 1
        assert (tmp_path / "job.log").read_text() == "first\n"
    finally:
        first.terminate()
        first.communicate()
    assert logged(tmp_path / "job.log", "print('third')").wait() == 0


def test_a_log_is_in_use_while_the_command_itself_lives(tmp_path: Path) -> None:
    """Both processes that hold the command are killed, so that nobody ends it."""
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f" open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    process = logged(tmp_path / "job.log", code)
    pid = int(wait_for(tmp_path / "pid"))
    (keeper,) = psutil.Process(process.pid).children()
    try:
        for each in (psutil.Process(process.pid), keeper):
            each.suspend()
        for each in (psutil.Process(process.pid), keeper):
            each.kill()
        process.communicate()
        assert is_held(tmp_path / "job.log") and writers(tmp_path / "job.log") == [pid]
        _, said = logged(tmp_path / "job.log", "print('second')").communicate()
        assert said.endswith(f"is in use by process {pid}\n")
    finally:
        psutil.Process(pid).kill()


def test_a_reader_of_a_log_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "job.log").write_text("before")
    with (tmp_path / "job.log").open():
        assert not is_held(tmp_path / "job.log") and writers(tmp_path / "job.log") == []
        assert logged(tmp_path / "job.log", "print('again')").wait() == 0


def test_a_job_may_belong_to_another_process_than_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as owner:
        command = [sys.executable, "-m", "workflow.logged", "--until", str(Identity.of(owner.pid)), "job.log"]
        process = subprocess.Popen(
            [*command, "--", "sleep", "600"], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE
        )
        time.sleep(0.5)
        assert process.poll() is None
        owner.kill()
        owner.wait()
        _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"job ended on the end of process {owner.pid}, which it belongs to" in said.decode()


#: A forked process stands still for a moment, in which it is told to end.
LATE = (
    "import os, sys, time; os.register_at_fork(after_in_child=lambda: time.sleep(0.5));"
    " from workflow.logged import main; sys.exit(main())"
)


def test_a_job_that_is_ended_as_it_starts_ends_as_any_other(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as owner:
        gone = str(Identity.of(owner.pid))
        owner.kill()
    command = [sys.executable, "-c", LATE, "--until", gone, "job.log", "--", "sleep", "600"]
    assert subprocess.run(command, cwd=tmp_path, env=environment()).returncode == 128 + signal.SIGTERM


def test_a_command_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "workflow.logged", str(tmp_path / "job.log"), "--", "no-such-command"],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 127 and "No such file or directory: 'no-such-command'" in process.stderr
