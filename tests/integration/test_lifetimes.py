"""Nothing outlives its workflow: real ones, whose jobs ignore every signal that can be ignored, killed in every way.

All are started and killed at the same time, once, since each takes as long as its jobs are given to end.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.stubborn import __file__ as STUBBORN
from tests.survivors import LIMIT_S, Marked, wait_for

SNAKEFILE = f"""
import sys
from workflow.locks import InUse
from workflow.session import begin, limit_trainings
from pathlib import Path

limit_trainings(workflow, 1)

onstart:
    try:
        begin(workflow, Path("results"))
    except InUse as error:
        sys.exit(f"experiment: {{error}}")

rule stubborn:
    output: "stubborn.made"
    log: "results/logs/stubborn.log"
    shell: "exec python -m workflow.logged {{log}} -- python {STUBBORN} job.pid"

rule in_a_snakemake_of_its_own:
    output: "nested.made"
    log: "results/logs/nested.log"
    run: shell("exec python -m workflow.logged {{log}} -- python {STUBBORN} job.pid")

rule fails:
    output: "failed.made"
    log: "results/logs/fails.log"
    shell: "exec python -m workflow.logged {{log}} -- false"

rule leaves:
    output: "left.made"
    log: "results/logs/leaves.log"
    shell: "exec python -m workflow.logged {{log}} -- sh -c "
           "'test ! -e job.pid || test -e /proc/$(cat job.pid) || echo $(cat job.pid) has ended > {{output}}; "
           "python {STUBBORN} job.pid leave; touch {{output}}'"

rule beside_a_failure:
    input: "failed.made", "left.made"

rule training:
    output: "training.{{n}}"
    log: "results/logs/training.{{n}}.log"
    resources: training_slots=1
    shell: "exec python -m workflow.logged {{log}} -- sh -c "
           "'touch here.{{wildcards.n}}; sleep 1; ls here.* > {{output}}; sleep 1; rm here.{{wildcards.n}}'"
"""


class Run:
    """A workflow in a folder of its own; ``target`` starts a job that writes its process id into ``job.pid``."""

    def __init__(self, folder: Path, target: str = "stubborn.made", through: tuple[str, ...] = ()) -> None:
        self.folder, self.target, self.through = folder, target, through
        self.marked, self._job = Marked(), 0
        folder.mkdir()
        (folder / "Snakefile").write_text(SNAKEFILE)
        self.first = self.start(target)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake, its output going to ``printed``, in the foreground of a terminal as it were."""
        follow = {"EAPO_FOLLOW_PARENT": "1"} if self.through else {}
        with (self.folder / "printed").open("a") as printed:
            return subprocess.Popen(
                [*self.through, "snakemake", "--nolock", "--cores", "2", *arguments],
                cwd=self.folder,
                env=self.marked.environment | follow,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def job(self) -> int:
        """The first job's process id, once it runs."""
        self._job = self._job or int(wait_for(self.folder / "job.pid", 120))
        return self._job

    def kill(self, *words: str, which: int) -> None:
        """Kill one of the processes whose command lines have these words, by their age."""
        found = sorted(self.marked.named(*words), key=lambda each: each.create_time())
        found[which].send_signal(signal.SIGKILL)

    def printed(self) -> str:
        """What all workflows in this folder have printed."""
        return (self.folder / "printed").read_text()


def rerun_at_once(run: Run) -> None:
    """The second workflow's job says whether the first one's is still there."""
    run.first.kill()
    assert run.start("left.made").wait() == 0


#: How a run ends: its target, what it is started through, what is done to it once its job runs.
LOGGED = "-m workflow.logged"
ENDS: dict[str, tuple[str, tuple[str, ...], Callable[[Run], object]]] = {
    "Ctrl-C": ("stubborn.made", (), lambda run: os.killpg(run.first.pid, signal.SIGINT)),
    "SIGINT": ("stubborn.made", (), lambda run: run.first.send_signal(signal.SIGINT)),
    "SIGTERM": ("stubborn.made", (), lambda run: run.first.send_signal(signal.SIGTERM)),
    "SIGHUP": ("stubborn.made", (), lambda run: run.first.send_signal(signal.SIGHUP)),
    "kill -9": ("stubborn.made", (), lambda run: run.first.kill()),
    "kill -9 of logged": ("stubborn.made", (), lambda run: run.kill(LOGGED, which=0)),
    "kill -9 of its second process": ("stubborn.made", (), lambda run: run.kill(LOGGED, which=1)),
    "kill -9 of the job": ("stubborn.made", (), lambda run: os.kill(run.job(), signal.SIGKILL)),
    "kill -9 of a job's Snakemake": ("nested.made", (), lambda run: run.kill("-m snakemake", which=-1)),
    "kill -9 of make": ("stubborn.made", ("sh", "-c", '"$@"; exit 1', "make"), lambda run: run.first.kill()),
    "a failed sibling": ("beside_a_failure", (), lambda run: run.first.wait()),
    "a rerun at once": ("stubborn.made", (), rerun_at_once),
}


@pytest.fixture(scope="module")
def left(
    tmp_path_factory: pytest.TempPathFactory, deliverable_signals: None
) -> Iterator[dict[str, tuple[Run, list[str]]]]:
    """Every kind of run with the processes that were left of it 15 s after its end."""
    folder = tmp_path_factory.mktemp("lifetimes")
    runs = {name: Run(folder / str(i), *ENDS[name][:2]) for i, name in enumerate(ENDS)}

    def end(name: str) -> tuple[Run, list[str]]:
        ENDS[name][2](runs[name])
        return runs[name], runs[name].marked.left_after(LIMIT_S)

    try:
        for run in runs.values():
            run.job()
        found: dict[str, tuple[Run, list[str]]] = {}
        # Not all at once: the time is for a workflow that ends, not for twelve that want the same two processors.
        for names in (list(runs)[::2], list(runs)[1::2]):
            with ThreadPoolExecutor(len(names)) as pool:
                found |= zip(names, pool.map(end, names), strict=True)
        yield found
    finally:
        for run in runs.values():
            run.marked.kill()
            run.first.wait()


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_left_15_s_after(name: str, left: dict[str, tuple[Run, list[str]]]) -> None:
    run, processes = left[name]
    assert processes == [], run.printed()
    assert run.first.wait() != 0


def test_jobs_that_are_told_to_end_fail_and_no_other_is_started(left: dict[str, tuple[Run, list[str]]]) -> None:
    printed = left["SIGTERM"][0].printed()
    assert (
        "ending the running jobs" in printed and "job ended on SIGTERM; its log is results/logs/stubborn.log" in printed
    )
    assert "Error in rule stubborn" in printed


def test_a_rerun_waits_for_what_a_killed_workflow_has_left(left: dict[str, tuple[Run, list[str]]]) -> None:
    run, _ = left["a rerun at once"]
    assert (run.folder / "left.made").read_text() == f"{run.job()} has ended\n"


def test_a_second_workflow_in_the_same_folder_is_refused_with_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path / "one")
    try:
        job = run.job()
        before = run.printed()
        assert run.start("left.made").wait() == 1
        (said,) = [line for line in run.printed().removeprefix(before).splitlines() if line.startswith("experiment: ")]
        assert said == f"experiment: results/.lock is in use by process {run.first.pid}"
        assert "Traceback" not in run.printed() and not (run.folder / "results/logs/leaves.log").exists()
        assert psutil.pid_exists(job) and run.first.poll() is None
    finally:
        run.marked.kill()
        run.first.wait()


def test_one_training_runs_at_a_time_whatever_the_number_of_jobs(tmp_path: Path) -> None:
    run = Run(tmp_path / "one", "training.1")
    assert run.first.wait() == 0
    assert run.start("-j", "2", "training.2", "training.3").wait() == 0, run.printed()
    for n in (1, 2, 3):
        assert (run.folder / f"training.{n}").read_text().split() == [f"here.{n}"]
