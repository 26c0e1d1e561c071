"""Processes through the fork server, against what ``python`` itself does."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from eapo_verl.cpu import fork_client
from tests import ROOT, warm_python

#: Says which process it is.
SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


@contextmanager
def sleeping(command: list[str]) -> Iterator[tuple[subprocess.Popen, int]]:
    """The command's process, and the number of the one that it has ``SLEEP`` in."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[subprocess.Popen]:
    with warm_python.host(tmp_path, "colorsys") as process:
        yield process


@pytest.fixture
def program(host: subprocess.Popen) -> str:
    return warm_python.program(host)


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process ends in time; one that nobody has asked for its status has ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


REPORT = """
import json, os, sys
os.write(57, b"through 57")
fds = sorted(fd for fd in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{fd}"))
print(json.dumps([sys.argv, dict(os.environ), os.getcwd(), sys.stdin.read(), fds, __name__]))
print("an error", file=sys.stderr)
sys.exit(7)
"""


@pytest.mark.parametrize("form", ["file", "-c", "-m"])
def test_a_process_is_what_python_would_have_made(program: str, tmp_path: Path, form: str) -> None:
    (tmp_path / "report.py").write_text(REPORT)
    arguments = {"file": ["report.py"], "-c": ["-u", "-c", REPORT], "-m": ["-m", "report"]}[form] + ["a b", "$c"]
    seen = []
    for executable in (sys.executable, program):
        read, write = os.pipe()
        os.dup2(write, 57)
        finished = subprocess.run(
            [executable, *arguments],
            cwd=tmp_path,
            env={"ONLY": "this", "LC_CTYPE": "C.UTF-8", "PYTHONPATH": "."},
            input="typed",
            capture_output=True,
            text=True,
            pass_fds=[57],
        )
        os.close(57)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            # Ends only if nobody else has kept the other end.
            assert pipe.read() == b"through 57"
        assert finished.returncode == 7 and finished.stderr == "an error\n", finished
        seen.append(json.loads(finished.stdout))
    for made in seen:
        made[1].pop("PWD", None)  # a shell's
    assert seen[0] == seen[1]


def test_what_the_server_has_imported_is_there(program: str) -> None:
    made = subprocess.run([program, "-c", "import sys; print('colorsys' in sys.modules)"], capture_output=True)
    assert made.stdout == b"True\n"


def test_an_error_and_a_message_end_a_process_as_they_end_python(program: str) -> None:
    for code in ("1 / 0", "import sys; sys.exit('a message')", "pass"):
        wanted, made = (
            subprocess.run([executable, "-c", code], capture_output=True, text=True)
            for executable in (sys.executable, program)
        )
        assert (made.returncode, made.stderr.splitlines()[-1:]) == (wanted.returncode, wanted.stderr.splitlines()[-1:])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_client_is_one_to_its_process(program: str, number: signal.Signals) -> None:
    with sleeping([program, "-c", SLEEP]) as (client, process):
        client.send_signal(number)
        assert client.wait(5) == (1 if number == signal.SIGINT else -number)
        assert gone(process)


def test_a_process_that_a_signal_ends_ends_its_client_by_it(program: str) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
        code = f"import os; os.kill(os.getpid(), {int(number)})"
        assert subprocess.run([program, "-c", code]).returncode == -number


def test_everything_ends_with_the_process_that_the_server_was_forked_off(host: subprocess.Popen, program: str) -> None:
    with sleeping([program, "-c", "import signal; signal.signal(15, signal.SIG_IGN); " + SLEEP]) as (client, process):
        (server,) = psutil.Process(host.pid).children()
        host.kill()
        assert gone(server.pid) and gone(process) and client.wait(5) != 0


def test_everything_ends_with_the_server(host: subprocess.Popen, program: str) -> None:
    with sleeping([program, "-c", SLEEP]) as (client, process):
        (server,) = psutil.Process(host.pid).children()
        server.kill()
        assert gone(process) and client.wait(5) != 0


#: A server that becomes the parent of what its processes leave behind.
ADOPTING = """
import os, sys
from pathlib import Path
from eapo_verl.cpu.fork_server import ForkServer, bound, get_ready
from workflow.processes import adopt_orphans

adopt_orphans()
with bound(Path(sys.argv[1])) as (listener, program):
    print(program, flush=True)
    get_ready()
    ForkServer(listener, program).serve(os.getppid())
"""


def test_a_process_that_another_one_has_left_behind_ends_nothing_else(tmp_path: Path) -> None:
    leaving = "import os, time\nif os.fork(): print(os.getpid(), flush=True)\nelse: time.sleep(0.3)"
    with subprocess.Popen(
        [sys.executable, "-c", ADOPTING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        program = warm_python.program(server)
        with sleeping([program, "-c", SLEEP]) as (client, process):
            assert subprocess.run([program, "-c", leaving], stdout=subprocess.DEVNULL).returncode == 0
            assert not gone(process, within_s=1.0)
            assert subprocess.run([program, "-c", "raise SystemExit(3)"]).returncode == 3
            client.kill()
        server.kill()


def test_a_status_counts_that_came_before_a_signal_could_be_passed_on() -> None:
    ours, theirs = socket.socketpair()
    wakeup, signalled = os.pipe()
    with ours, os.fdopen(wakeup), os.fdopen(signalled, "wb", buffering=0) as signals:
        theirs.sendall(fork_client.HEADER.pack(7))
        theirs.close()
        signals.write(bytes([signal.SIGTERM]))
        assert fork_client.follow(ours, wakeup) == 7


def test_a_process_ends_when_the_parent_of_its_client_does(program: str) -> None:
    outer = f"import subprocess, sys; subprocess.run([{program!r}, '-c', {SLEEP!r}])"
    with sleeping([sys.executable, "-c", outer]) as (parent, process):
        parent.kill()
        assert gone(process)


def test_multiprocessing_starts_its_processes_through_the_server(program: str, tmp_path: Path) -> None:
    script = tmp_path / "parallel.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, sys

            def work(queue):
                queue.put("colorsys" in sys.modules)

            if __name__ == "__main__":
                context = multiprocessing.get_context("spawn")
                queue = context.Queue()
                process = context.Process(target=work, args=(queue,))
                process.start()
                print(queue.get(), process.join(), process.exitcode)
            """
        )
    )
    # In a process of the server's, the default executable is the program.
    finished = subprocess.run([program, str(script)], capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("True None 0\n", "")


def test_a_process_with_threads_cannot_have_a_server_forked_off(tmp_path: Path) -> None:
    code = (
        "import threading, time, pathlib\nfrom eapo_verl.cpu.fork_server import serving\n"
        "threading.Thread(target=time.sleep, args=(1,), name='reader').start()\nwith serving(pathlib.Path()): pass"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 1 and "there are MainThread, reader" in finished.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_nobody_else_can_have_a_process_forked(program: str) -> None:
    address = Path(program).read_text().split()[-2]
    code = textwrap.dedent(
        f"""
        import os, socket
        for user in (0, 65534):
            os.setuid(user)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect({chr(0) + address!r})
                connection.settimeout(1)
                try:
                    print(user, connection.recv(1))
                except TimeoutError:
                    print(user, "is heard")
        """
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout == "0 is heard\n65534 b''\n"
