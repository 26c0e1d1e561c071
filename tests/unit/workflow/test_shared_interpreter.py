"""Jobs that are forked off their workflow's interpreter: what they are, and that nothing is left of them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from eapo_verl.cpu.fork_client import LOST
from tests.stubborn import __file__ as STUBBORN
from tests.survivors import LIMIT_S, Marked, wait_for
from workflow import shared_interpreter
from workflow.belonging import LOCK_VARIABLE, WORKFLOW_VARIABLE
from workflow.processes import this_process

# The main process of a workflow: it starts the jobs that it is told, all at once, and waits for them.
WORKFLOW = """
import json, subprocess, sys
from pathlib import Path
from workflow.belonging import announce, take_named
from workflow.session import end_jobs_on_signals
take_named(Path("results/.lock"))
announce(Path("results/.lock"))
end_jobs_on_signals(lambda: None)
print(json.dumps([job.wait() for job in [subprocess.Popen(each) for each in json.loads(sys.argv[1])]]))
"""
# A job, as ``workflow.logged --fork HOW`` would start it, off an interpreter that has imported little.
JOB = """
import sys
from pathlib import Path
from workflow.logged import run
from workflow.shared_interpreter import in_place_of_python
how, log, *words = sys.argv[1:]
python = in_place_of_python(start=how == "start", modules=["colorsys"])
sys.exit(run(Path(log), [python, *words]))
"""
SAYS = """
import os, sys, psutil
print(os.getsid(0) == os.getpid(), "colorsys" in sys.modules, *sys.argv[1:])
print("interpreter", psutil.Process().parent().ppid())
sys.exit(7)
"""


def job(how: str, name: str, *words: str) -> list[str]:
    return [sys.executable, "-c", JOB, how, f"results/logs/{name}.log", *words]


@pytest.fixture
def marked() -> Iterator[Marked]:
    marked = Marked()
    yield marked
    marked.kill()


def start(folder: Path, marked: Marked, *jobs: list[str]) -> subprocess.Popen:
    (folder / "results").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", WORKFLOW, json.dumps(jobs)],
        cwd=folder,
        env=marked.environment | {shared_interpreter.FORK_VARIABLE: "yes"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_jobs_of_a_workflow_are_forked_off_one_interpreter_which_ends_with_it(tmp_path: Path, marked: Marked) -> None:
    workflow = start(tmp_path, marked, *(job("start", name, "-c", SAYS, name) for name in ("one", "two")))
    assert marked.alive()
    assert json.loads(workflow.communicate()[0]) == [7, 7]
    said = [(tmp_path / f"results/logs/{name}.log").read_text().splitlines() for name in ("one", "two")]
    assert said[0][1] == said[1][1] != ""
    assert [lines[0] for lines in said] == ["True True one", "True True two"]
    assert marked.left_after() == []


def test_a_job_that_joins_is_pythons_own_where_no_interpreter_is(tmp_path: Path, marked: Marked) -> None:
    workflow = start(tmp_path, marked, job("join", "one", "-c", SAYS))
    assert json.loads(workflow.communicate()[0]) == [7]
    assert (tmp_path / "results/logs/one.log").read_text().startswith("True False\n")
    assert not (tmp_path / "results/logs/python.log").exists()


def test_there_is_none_outside_a_workflow_and_in_a_job_that_a_cluster_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(shared_interpreter.FORK_VARIABLE, "yes")
    monkeypatch.delenv(WORKFLOW_VARIABLE, raising=False)
    assert shared_interpreter.in_place_of_python() == "python"
    # Not a parent of this process: a workflow that has this one started by somebody else.
    monkeypatch.setenv(WORKFLOW_VARIABLE, str(this_process()))
    monkeypatch.setenv(LOCK_VARIABLE, str(tmp_path / "results/.lock"))
    assert shared_interpreter.in_place_of_python() == "python"


def test_an_interpreter_that_cannot_import_is_said_in_one_line(tmp_path: Path, marked: Marked) -> None:
    failing = JOB.replace('"colorsys"', '"no_such_module"')
    workflow = start(tmp_path, marked, [sys.executable, "-c", failing, "start", "results/logs/one.log", "-c", SAYS])
    printed, said = workflow.communicate()
    assert json.loads(printed) == [LOST]
    assert "reason: the interpreter that it was forked off is gone" in said.decode() and b"Traceback" not in said
    assert "no_such_module" in (tmp_path / "results/logs/python.log").read_text()


def interpreter_of(process: psutil.Process) -> psutil.Process:
    """The one that it was forked off, through the one that holds it."""
    found = process.parents()[1]
    assert "workflow.shared_interpreter" in found.cmdline() and found.ppid() != process.ppid()
    return found


def client_of(marked: Marked) -> psutil.Process:
    """The one that stands for the process below ``workflow.logged``."""
    (found,) = [each for each in marked.named("fork_client.py") if each.cmdline()[0] == sys.executable]
    return found


#: How a workflow ends: what is done to it, told its main process, its job's and everything that is marked.
ENDS: dict[str, Callable[[subprocess.Popen, psutil.Process, Marked], None]] = {
    "kill -9 of the job": lambda workflow, process, marked: process.kill(),
    "kill -9 of its holder": lambda workflow, process, marked: process.parents()[0].kill(),
    "kill -9 of the interpreter": lambda workflow, process, marked: interpreter_of(process).kill(),
    "kill -9 of the client": lambda workflow, process, marked: client_of(marked).kill(),
    "kill -9 of the workflow": lambda workflow, process, marked: workflow.kill(),
    "SIGTERM to the workflow": lambda workflow, process, marked: workflow.terminate(),
}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[subprocess.Popen, list[str]]]]:
    """Each workflow, whose job ignores what can be ignored, and what was left of it 15 s after its end; all at once."""
    folders = {name: tmp_path_factory.mktemp("ends") for name in ENDS}
    everybody = {name: Marked() for name in ENDS}
    workflows = {name: start(folders[name], everybody[name], job("start", "one", STUBBORN, "job.pid")) for name in ENDS}

    def end(name: str) -> tuple[subprocess.Popen, list[str]]:
        marked = everybody[name]
        ENDS[name](workflows[name], psutil.Process(int(wait_for(folders[name] / "job.pid"))), marked)
        return workflows[name], marked.left_after(LIMIT_S)

    try:
        for name, folder in folders.items():
            wait_for(folder / "job.pid")
            # The main process, two for the job and two for the interpreter, client, holder, job, and what that starts.
            assert len(everybody[name].alive()) > 10
        with ThreadPoolExecutor(len(ENDS)) as pool:
            yield dict(zip(ENDS, pool.map(end, ENDS), strict=True))
    finally:
        for marked in everybody.values():
            marked.kill()


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_left_15_s_after(name: str, left: dict[str, tuple[subprocess.Popen, list[str]]]) -> None:
    workflow, processes = left[name]
    printed, said = workflow.communicate()
    assert processes == [], said.decode()
    assert b"[0]" not in printed
