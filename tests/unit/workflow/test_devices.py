"""Accelerators of a machine that jobs share: each has its own, and who finds too few waits."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.survivors import LIMIT_S
from workflow import devices
from workflow.command import BadInput
from workflow.devices import DEVICES_VARIABLE, FOLDER_VARIABLE, claimed, share_out

#: Holds some of four until it is told to end; what it has started since is no holder.
HOLDER = (
    "import subprocess, sys; from pathlib import Path; from workflow.devices import claim;"
    " print(claim(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]), flush=True);"
    " subprocess.Popen(['sleep', '30'], stdout=subprocess.DEVNULL); input()"
)


def holder(folder: Path, count: int, *names: str) -> subprocess.Popen:
    command = [sys.executable, "-c", HOLDER, str(folder), str(count), *names]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_each_has_its_own_and_who_finds_too_few_waits(tmp_path: Path) -> None:
    names = ("0", "1", "2", "MIG-a/3")
    first = holder(tmp_path, 2, *names)
    assert said(first) == "['0', '1']"
    second = holder(tmp_path, 1, *names[::-1])
    assert said(second) == "['MIG-a/3']"
    third = holder(tmp_path, 3, *names)
    first.communicate("end\n", timeout=LIMIT_S)
    assert said(third) == "['0', '1', '2']"
    for process in (second, third):
        process.communicate("end\n", timeout=LIMIT_S)


def test_a_command_sees_what_is_claimed_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "visible", lambda: ["4", "5", "6"])
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert claimed(2) is None
    limits: dict[str, int] = {}
    for local in (False, True):
        workflow = SimpleNamespace(
            local_exec=local, remote_exec=False, global_resources={}, register_resource=limits.__setitem__
        )
        monkeypatch.setenv(FOLDER_VARIABLE, "")
        monkeypatch.delenv(FOLDER_VARIABLE)
        share_out(workflow, tmp_path / "locks", 3)
        assert (os.environ.get(FOLDER_VARIABLE) is not None) is local
    assert limits == {"gpu": 3}
    became: list[str] = []
    monkeypatch.setattr(os, "execvp", lambda program, command: became.extend(command))
    monkeypatch.setenv(DEVICES_VARIABLE, "4,5,6")
    devices._become(["2", "--", "run", "--", "more"])
    assert (os.environ[DEVICES_VARIABLE], became) == ("4,5", ["run", "--", "more"])
    with pytest.raises(BadInput, match="4 accelerators are needed, and this machine has 3"):
        claimed(4)
    assert claimed(1, last=True) == ["6"]
