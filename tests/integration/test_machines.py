"""A run on several machines, which are two of Ray's nodes here: it learns as on one, and outlives the loss of one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from eapo_verl.record import step_log
from eapo_verl.train import _ENGINES, STOPPED
from tests import warm_python
from tests.integration.checkout import environment, settings
from tests.survivors import Marked

pytestmark = [pytest.mark.engine, pytest.mark.arm]
_MADE_S = 400.0
#: What begins with a dash is srun's own; one other machine is asked for.
SRUN = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n'


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What Ray starts its workers with, as in a run on one machine: these two are in truth one."""
    with pytest.MonkeyPatch.context() as patch:
        # Ray's library reads these as it is loaded. The run joins its cluster twice, first to see who is there.
        patch.setenv("RAY_JOB_ID", "02000000")
        patch.setenv("RAY_RAYLET_PID", str(os.getpid()))
        with warm_python.host(tmp_path_factory.mktemp("worker"), *_ENGINES) as host:
            yield warm_python.program(host)


class Run:
    """A run of the smoke experiment on two machines, of so many ranks each."""

    def __init__(self, checkout: Path, folder: Path, worker: str, ranks: int, **budget: int) -> None:
        folder.mkdir(parents=True)
        (folder / "srun").write_text(SRUN)
        (folder / "srun").chmod(0o700)
        verl: dict[str, Any] = {"trainer.n_gpus_per_node": ranks, "ray_kwargs.ray_init.num_gpus": ranks}
        verl["ray_kwargs.ray_init.runtime_env"] = {"py_executable": worker}
        self.folder, self.marked = folder, Marked()
        self.command = [*settings(checkout, folder, "self_exploratory", verl=verl, budget=budget), "--nodes", "2"]
        mark = {name: value for name, value in self.marked.environment.items() if name.startswith("EAPO_TEST")}
        job = {"SLURM_JOB_ID": "1", "PATH": f"{folder}{os.pathsep}{environment(checkout)['PATH']}"}
        self._options: dict[str, Any] = {"cwd": checkout, "env": environment(checkout) | mark | job}

    def start(self) -> subprocess.Popen:
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(self.command, stdout=log, stderr=log, **self._options)

    def finish(self) -> list[dict[str, Any]]:
        """Make it, to its end; what each step says of itself."""
        assert self.start().wait(_MADE_S) == 0, self.log[-6000:]
        return step_log.read_steps(self.folder / "run" / step_log.FILE)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


def close(mine: list[dict[str, Any]], theirs: list[dict[str, Any]], key: str, within: float) -> None:
    """Check that a number of each step is the same, give or take a share."""
    found = [[step[key] for step in steps if step[key] is not None] for steps in (mine, theirs)]
    assert found[0] == pytest.approx(found[1], rel=within), key


@pytest.mark.parametrize("ranks", [1, 2])
def test_two_and_four_ranks_learn_what_one_does(checkout: Path, tmp_path: Path, worker: str, ranks: int) -> None:
    steps = Run(checkout, tmp_path / "run", worker, ranks).finish()
    (alone,) = [checkout / "results/smoke/runs/self_exploratory/seed1"]
    one = step_log.read_steps(alone / step_log.FILE)
    print(json.dumps([steps, one]))


def test_a_run_that_has_lost_a_machine_goes_on_from_its_checkpoint(checkout: Path, tmp_path: Path, worker: str) -> None:
    run = Run(checkout, tmp_path / "run", worker, 1)
    process = run.start()
    deadline = time.monotonic() + _MADE_S
    while not list((tmp_path / "run/checkpoints").glob("*/global_step_2/files.json")):
        assert process.poll() is None and time.monotonic() < deadline, run.log[-6000:]
        time.sleep(0.2)
    raylets = [each for each in psutil.Process(process.pid).children(recursive=True) if each.name() == "raylet"]
    (other,) = [each for each in raylets if "--head" not in each.cmdline()]
    other.kill()
    assert process.wait(120) == STOPPED
    assert run.log.splitlines()[-1].startswith("train: cluster: lost ")
    run.finish()
    made = json.loads((run.folder / "run/run.json").read_text())
    assert [attempt["resumed_from_step"] for attempt in made["attempts"]] == [0, 2]
    assert run.marked.left_after() == []
