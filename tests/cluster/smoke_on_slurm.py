"""The smoke experiment as jobs of Slurm's, through the profile that ships: ended in every way, gone on with, and made.

`make test-cluster` runs it: pytest does not look for tests in a file of this name.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.cluster.slurm import Unusable, ask, one_node
from tests.survivors import LIMIT_S, Marked

#: Seconds: for jobs to come and go, and for the whole experiment.
_SOON_S, _MADE_S = 240.0, 1500.0


@pytest.fixture(scope="module", autouse=True)
def slurm() -> Iterator[None]:
    try:
        with one_node():
            yield
    except Unusable as error:
        pytest.exit(f"make test-cluster: {error}", returncode=2)


class Head:
    """Snakemake on the machine from which jobs are submitted; its folder is theirs, too."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.results, self.marked = folder, folder / "results/smoke", Marked()
        self.printed = folder / "printed"

    def start(self) -> subprocess.Popen:
        """Start, or go on with, the experiment."""
        options = {
            "--snakefile": ROOT / "Snakefile", "--directory": self.folder, "--configfile": ROOT / "config/smoke.yaml",
            "--workflow-profile": ROOT / "workflow/profiles/slurm", "--slurm-init-seconds-before-status-checks": 5,
        }  # fmt: skip
        words = [str(word) for option in options.items() for word in option]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with self.printed.open("a") as printed:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", *words],
                env=self.marked.environment | {"PATH": path},
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def checkpoint(self) -> bool:
        """Whether there is a whole checkpoint of the run that consults."""
        return any(self.results.glob("checkpoints/eapo/seed1/*/global_step_2/files.json"))

    def until(self, condition: Callable[[], object], limit_s: float = _SOON_S) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, self.printed.read_text()[-6000:]
            time.sleep(0.5)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    head = Head(tmp_path_factory.mktemp("head"))
    yield head
    head.marked.kill()


def jobs(word: str = "", state: str = "RUNNING,PENDING") -> list[str]:
    """The numbers of the jobs that have ``word`` in their name or in what the plugin says of them."""
    lines = ask("squeue", "--noheader", f"--states={state}", "--format=%i|%j|%k").splitlines()
    return [line.partition("|")[0] for line in lines if word in line]


def test_a_workflow_that_is_told_to_end_cancels_its_jobs(head: Head) -> None:
    workflow = head.start()
    head.until(lambda: jobs("rule_embedded_", "RUNNING"))
    workflow.send_signal(signal.SIGTERM)
    assert workflow.wait(timeout=_SOON_S) != 0
    assert head.marked.left_after(LIMIT_S) == []
    head.until(lambda: not jobs())


def test_jobs_end_with_a_workflow_that_is_killed(head: Head) -> None:
    workflow = head.start()
    head.until(lambda: jobs("rule_train_wildcards_eapo", "RUNNING") and head.marked.named("raylet"), _MADE_S)
    assert jobs("eapo-experts", "RUNNING")
    workflow.kill()
    workflow.wait()
    assert head.marked.left_after(LIMIT_S + 5) == []
    head.until(lambda: not jobs())


def test_a_cancelled_run_goes_on_from_its_checkpoint_and_the_experiment_is_made(head: Head) -> None:
    workflow = head.start()
    head.until(head.checkpoint, _MADE_S)
    (training,) = jobs("rule_train_wildcards_eapo")
    # The experts are a job of their own, which outlives it.
    (experts,) = jobs("eapo-experts", "RUNNING")
    ask("scancel", training)
    assert workflow.wait(timeout=_MADE_S) == 0, head.printed.read_text()[-6000:]
    run = json.loads((head.results / "runs/eapo/seed1/run.json").read_text())
    assert [attempt["resumed_from_step"] for attempt in run["attempts"]][-1] == run["resumed_from_step"] == 2
    assert (head.results / "report.html").stat().st_size > 50_000
    state = ask("squeue", "--noheader", "--states=all", f"--jobs={experts}", "--format=%T")
    assert state in ("RUNNING", "COMPLETING", "COMPLETED", "FAILED")
    # By their node's name, and with a key.
    (endpoint,) = json.loads((head.results / "services/eapo.seed1.training.json").read_text()).values()
    assert socket.gethostname() in endpoint["base_url"] and endpoint["api_key_env"] == "EAPO_EXPERT_KEY"
    assert head.marked.left_after(LIMIT_S) == []
    head.until(lambda: not jobs())
