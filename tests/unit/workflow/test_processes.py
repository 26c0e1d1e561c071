"""What is left of a child is ended, however much of it has ended by itself."""

import subprocess
import sys

from tests import ROOT

# 60 is exit's number on x86_64: of the thread that calls it, not of the process.
_CHILD = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=[60]).start()
ctypes.CDLL(None).syscall(60, 0)
"""
_PARENT = f"""
import os, subprocess, sys, time
from workflow.processes import Identity, end_children

child = subprocess.Popen([sys.executable, "-c", {_CHILD!r}])
while Identity.of(child.pid) is not None:
    time.sleep(0.02)
print(os.path.exists(f"/proc/{{child.pid}}"))
end_children(10)
print(os.path.exists(f"/proc/{{child.pid}}"))
"""


def test_a_child_whose_main_thread_alone_has_ended_is_not_left() -> None:
    """The kernel shows it as ended, and keeps it until its last thread has."""
    command = [sys.executable, "-c", _PARENT]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert finished.stdout.split() == ["True", "False"], finished.stderr


def test_who_has_adopted_a_child_reaps_it_and_not_what_another_asks_after() -> None:
    parent = """
import os, subprocess, time
from workflow.processes import adopt_orphans, reap_others

adopt_orphans()
kept = subprocess.Popen(["sh", "-c", "exit 7"])
orphan = int(subprocess.run(["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True).stdout)
reap_others([kept.pid])
os.kill(orphan, 9)
if kept.wait() == 7:
    while os.path.exists(f"/proc/{orphan}"):
        time.sleep(0.02)
        reap_others([kept.pid])
    reap_others([])
    print("reaped")
"""
    command = [sys.executable, "-c", parent]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert finished.stdout == "reaped\n", finished.stderr
