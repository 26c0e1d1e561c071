"""The processes of a real training: whichever of them is killed, none is left."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.integration.checkout import environment, settings
from tests.survivors import LIMIT_S, Marked, trainer_below

pytestmark = pytest.mark.engine
_START_S = 240


def fork_server(trainer: psutil.Process) -> psutil.Process:
    """The child of the trainer that all of Ray's workers are children of."""
    (server,) = [child for child in trainer.children() if child.cmdline() == trainer.cmdline()]
    return server


def raylet(trainer: psutil.Process) -> psutil.Process:
    """Ray's daemon."""
    (daemon,) = [child for child in trainer.children() if child.name() == "raylet"]
    return daemon


# Once while it starts, and once while it trains.
@pytest.mark.parametrize(("victim", "at"), [(fork_server, "(vLLMHttpServer pid="), (raylet, "step 0/")])
def test_a_training_without_one_of_its_processes_ends_whole(
    checkout: Path, tmp_path: Path, victim: Callable[[psutil.Process], psutil.Process], at: str
) -> None:
    marked, log = Marked(), tmp_path / "train.log"
    command = settings(checkout, tmp_path, "self_exploratory", budget={"steps": 1000})
    wrapped = [sys.executable, "-m", "workflow.logged", str(log), "--", *command]
    mark = {name: value for name, value in marked.environment.items() if name.startswith("EAPO_TEST")}
    with subprocess.Popen(wrapped, cwd=checkout, env=environment(checkout) | mark, stderr=subprocess.DEVNULL) as logged:
        try:
            deadline = time.monotonic() + _START_S
            while not (log.exists() and at in log.read_text()):
                assert logged.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.2)
            assert len(marked.alive()) > 10
            victim(trainer_below(psutil.Process(logged.pid))).kill()
            assert logged.wait(LIMIT_S) != 0
            assert marked.left_after() == []
        finally:
            marked.kill()
