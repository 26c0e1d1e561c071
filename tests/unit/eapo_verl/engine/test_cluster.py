"""How several machines become a cluster, and what is said where they do not; without Ray."""

from pathlib import Path

import psutil
import pytest

from eapo_verl.engine import cluster
from eapo_verl.engine.cluster import check_job, formed, joining
from eapo_verl.settings.run import RunError, RunStopped

#: Of ray.init, on a machine without accelerators.
RAY_INIT = {"address": "local", "num_cpus": 32, "num_gpus": 2, "include_dashboard": False, "runtime_env": {"a": 1}}
#: Stands for ``ray`` where it starts a head: writes its words down and listens at its port.
HEAD = """#!/bin/sh
printf '%s\\n' "$@" > {words}
for word; do case "$word" in --port=*) port=${{word#--port=}};; esac; done
exec python3 -c "import socket; s = socket.create_server(('{host}', $port)); [s.accept() for _ in iter(int, 1)]"
"""


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o700)
    return path


def test_several_machines_are_had_in_a_job_alone() -> None:
    check_job(1, {})
    check_job(2, {"SLURM_JOB_ID": "1"})
    with pytest.raises(RunError, match=r"^resources\.training_nodes: 2 are had in a job of Slurm's alone, which"):
        check_job(2, {})


def test_who_joins_says_nothing_of_what_machines_were_started_with() -> None:
    assert joining(RAY_INIT, "10.0.0.1:7") == {"address": "10.0.0.1:7", "runtime_env": {"a": 1}}


def test_a_head_that_does_not_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_RAY", program(tmp_path / "ray", "#!/bin/sh\nexit 7\n"))
    with (
        pytest.raises(RunStopped, match=r"^cluster: ray start ended with status 7, for the reason above; "),
        formed(2, {}),
    ):
        pass


def test_machines_that_do_not_start_take_the_head_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, host = tmp_path / "words", cluster._address_of_this_machine()
    monkeypatch.setattr(cluster, "_RAY", program(tmp_path / "ray", HEAD.format(words=words, host=host)))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    # What fixtures of other tests keep running is not the cluster's.
    before = psutil.Process().children()
    with pytest.raises(RunStopped, match=r"^cluster: srun: No such file or directory$"), formed(2, RAY_INIT):
        pass
    said = words.read_text().splitlines()
    assert {"start", "--head", "--block", "--num-cpus=32", "--num-gpus=2", "--include-dashboard=False"} < {*said}
    assert f"--node-ip-address={host}" in said and "--min-worker-port=0" in said
    assert psutil.Process().children() == before


def test_another_machine_has_an_address_in_the_first_one_s_network() -> None:
    assert cluster._address_towards("127.0.0.1") == "127.0.0.1"
