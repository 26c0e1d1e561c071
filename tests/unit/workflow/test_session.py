"""What a workflow's main process does before its first job; tests/integration/test_lifetimes.py has whole workflows."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from workflow import session
from workflow.locks import InUse, is_held, take
from workflow.processes import Identity, this_process
from workflow.session import Unusable, begin, limit_trainings, take_experiment, training_slots


def test_a_folder_in_which_a_job_still_writes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "JOBS_END_WITHIN_S", 0.3)
    log = tmp_path / "logs" / "experts" / "service.log"
    code = (
        "import sys, time; from pathlib import Path; from workflow.locks import take;"
        " take(Path(sys.argv[1])); print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(log)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline()
        with pytest.raises(InUse) as caught:
            take_experiment(tmp_path)
        writer.kill()
    assert str(caught.value) == f"{log} is in use by process {writer.pid}"
    os.close(take_experiment(tmp_path))


def test_a_job_that_ends_meanwhile_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = take(tmp_path / "logs" / "job.log")
    monkeypatch.setattr(session.time, "sleep", lambda seconds: os.close(lock))
    os.close(take_experiment(tmp_path))
    said = capsys.readouterr().err
    assert "waiting for its end" in said and len(said.splitlines()) == 1


def test_a_lock_is_gone_with_its_last_holder(tmp_path: Path) -> None:
    lock = take_experiment(tmp_path)
    assert is_held(tmp_path / ".lock")
    with pytest.raises(InUse):
        take(tmp_path / ".lock")
    os.close(lock)
    assert not is_held(tmp_path / ".lock") and not is_held(tmp_path / "never")


def test_a_folder_in_which_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        Unusable, match=rf"^{tmp_path}/file/results: Not a directory: needed is a folder of this user's, "
    ):
        begin(SimpleNamespace(local_exec=True), tmp_path / "file" / "results")


@pytest.mark.parametrize(
    ("cores", "memory_mb", "gpus", "slots"),
    [(2, 24000, None, 1), (1, 24000, None, 1), (4, 24000, None, 2), (16, 24000, None, 3), (4, 6000, None, 1),
     (64, 10**6, 1, 1), (64, 10**6, 2, 2), (64, 10**6, 0, 1)],
)  # fmt: skip
def test_trainings_run_beside_each_other_where_everything_suffices(
    cores: int, memory_mb: int, gpus: int | None, slots: int
) -> None:
    assert training_slots(cores, 2, memory_mb, 7000, gpus) == slots


def test_the_command_line_has_the_last_word_on_trainings() -> None:
    registered = {}
    workflow = SimpleNamespace(
        resource_scopes={}, global_resources={"_cores": 4}, register_resource=registered.__setitem__
    )
    limit_trainings(workflow, 1)
    assert registered == {"training_slots": 1} and workflow.resource_scopes == {"training_slots": "local"}
    workflow.global_resources["training_slots"] = 3
    registered.clear()
    limit_trainings(workflow, 1)
    assert registered == {}


def test_a_process_is_not_taken_for_a_later_one_with_its_id() -> None:
    us = this_process()
    assert Identity.parse(str(us)) == us and not us.ended() and us.here
    assert Identity(us.pid, us.started - 1, us.host).ended()
    elsewhere = Identity(us.pid, us.started - 1, "elsewhere")
    assert not elsewhere.ended() and not elsewhere.here


def test_what_has_ended_and_was_not_waited_for_counts_as_ended() -> None:
    process = subprocess.Popen(["true"])
    identity = Identity.of(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert Identity.of(process.pid) is None and (identity is None or identity.ended())
    process.wait()
