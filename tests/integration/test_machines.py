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
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from eapo_verl.train import ENGINES, STOPPED
from tests import warm_python
from tests.integration.checkout import environment, settings
from tests.survivors import Marked

pytestmark = [pytest.mark.engine, pytest.mark.arm]
_MADE_S = 400.0
#: Nine rollouts a mini-batch, which two ranks and four have to pad, and of which the loss is a mean.
PADDED: dict[str, dict[str, Any]] = {
    "budget": {"steps": 3, "validate_every": 3, "prompts_per_step": 6, "rollouts_per_prompt": 3},
    "optimiser": {"loss_aggregation": "seq-mean-token-mean"},
}
#: What begins with a dash is srun's own; one other machine is asked for.
SRUN = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n'


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What Ray starts its workers with, as in a run on one machine: these two are in truth one."""
    with pytest.MonkeyPatch.context() as patch:
        # Ray's library reads these as it is loaded. The run joins its cluster twice, first to see who is there.
        patch.setenv("RAY_JOB_ID", "02000000")
        patch.setenv("RAY_RAYLET_PID", str(os.getpid()))
        with warm_python.host(tmp_path_factory.mktemp("worker"), *ENGINES) as host:
            yield warm_python.program(host)


class Run:
    """A run of the smoke experiment on two machines, of so many ranks each, or on this one alone (0)."""

    def __init__(self, checkout: Path, folder: Path, worker: str, ranks: int, **changes: dict[str, Any]) -> None:
        folder.mkdir(parents=True)
        (folder / "srun").write_text(SRUN)
        (folder / "srun").chmod(0o700)
        verl: dict[str, Any] = {"trainer.n_gpus_per_node": ranks, "ray_kwargs.ray_init.num_gpus": ranks}
        verl["ray_kwargs.ray_init.runtime_env"] = {"py_executable": worker}
        self.folder, self.marked = folder, Marked()
        self._command = settings(
            checkout, folder, "self_exploratory", sys.executable, verl=verl if ranks else {}, **changes
        )
        self._command += ["--nodes", "2"] if ranks else []
        mark = {name: value for name, value in self.marked.environment.items() if name.startswith("EAPO_TEST")}
        job = {"SLURM_JOB_ID": "1", "PATH": f"{folder}{os.pathsep}{environment(checkout)['PATH']}"}
        self._options: dict[str, Any] = {"cwd": checkout, "env": environment(checkout) | mark | job}

    def start(self) -> subprocess.Popen:
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(self._command, stdout=log, stderr=log, **self._options)

    def finish(self) -> "Run":
        """Make it, to its end; nothing is left."""
        assert self.start().wait(_MADE_S) == 0, self.log[-6000:]
        assert self.marked.left_after() == []
        return self

    def scalars(self, *tags: str) -> list[list[float]]:
        """What verl has logged under each tag, by the step."""
        found = EventAccumulator(str(self.folder / "run/tensorboard"))
        found.Reload()
        return [[point.value for point in found.Scalars(tag)] for tag in tags]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="module")
def alone(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same run on one rank."""
    return Run(checkout, tmp_path_factory.mktemp("alone") / "run", "", 0, **PADDED).finish()


@pytest.mark.parametrize("ranks", [1, 2])
def test_two_and_four_ranks_learn_what_one_does(
    checkout: Path, tmp_path: Path, worker: str, alone: Run, ranks: int
) -> None:
    run = Run(checkout, tmp_path / "run", worker, ranks, **PADDED).finish()
    for tag in ("actor/loss", "actor/entropy", "actor/grad_norm"):
        (mine,), (theirs,) = run.scalars(tag), alone.scalars(tag)
        # Of the first step the batch is the same.
        assert mine[0] == pytest.approx(theirs[0], abs=1e-5), tag
        assert mine == pytest.approx(theirs, abs=0.01), tag
    # Ranks had less unequal work than in the order of the rollouts, with padding at the end.
    low, high, before = run.scalars(
        *(f"global_seqlen/{name}" for name in ("balanced_min", "balanced_max", "minmax_diff"))
    )
    assert all(most - least < apart for least, most, apart in zip(low, high, before, strict=True))
    # What they learned is one model.
    assert (run.folder / "run/model/config.json").exists()


def test_a_run_that_has_lost_a_machine_goes_on_from_its_checkpoint(checkout: Path, tmp_path: Path, worker: str) -> None:
    run = Run(checkout, tmp_path / "run", worker, 1, budget={"steps": 3, "validate_every": 3})
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
    assert run.marked.left_after() == []
    run.finish()
    made = json.loads((run.folder / "run/run.json").read_text())
    assert [attempt["resumed_from_step"] for attempt in made["attempts"]] == [0, 2]
