"""Long jobs: their log, their progress lines, their failures and their end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil


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
