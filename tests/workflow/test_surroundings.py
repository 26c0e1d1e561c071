"""Where a workflow may run, and what it says in one line where it may not."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from eapo_verl.settings import machine
from tests import ROOT
from tests.integration.checkout import in_checkout
from workflow import surroundings
from workflow.methods import ExperimentError
from workflow.surroundings import check_surroundings, experiment_name, prepare_jobs


def snakemake(cores: int | None = 2, jobs: int | None = None, local: bool = True) -> SimpleNamespace:
    """What is asked of Snakemake's workflow."""
    return SimpleNamespace(local_exec=local, resource_settings=SimpleNamespace(cores=cores, nodes=jobs))


@pytest.mark.parametrize("name", ["default", "2nd.try-3_b"])
def test_an_experiment_is_called_as_its_file(name: str) -> None:
    assert experiment_name(Path("some where", f"{name}.yaml")) == name


@pytest.mark.parametrize("name", ["my exp", "ä", "$(touch owned)", "-n", ".hidden", "a;b", "a'b", "x{y}", "a\nb", "*"])
def test_a_name_that_a_shell_or_an_engine_would_read_is_refused(name: str) -> None:
    with pytest.raises(ExperimentError, match="the experiment is called as its file: allowed are letters"):
        experiment_name(Path("config", f"{name}.yaml"))


@pytest.mark.parametrize("name", ["mit Leerzeichen", "äß_中", "a+b=c@d,e~-f.g"])
def test_a_folder_may_be_called_as_it_likes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    check_surroundings(snakemake())


@pytest.mark.parametrize("character", "*?[]#${}()&;|<>'\"`\\:!\n")
def test_but_for_what_engines_take_for_something_else(
    character: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "CHECKOUT", tmp_path / f"a{character}b")
    with pytest.raises(ExperimentError, match="engines take some of the path for more than letters: allowed are "):
        check_surroundings(snakemake())


def test_files_are_read_as_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(ExperimentError, match=r"^files are read as iso8859-1, as the locale says: set PYTHONUTF8=1$"):
        check_surroundings(snakemake())


def test_the_number_of_jobs_beside_that_of_cores_would_lift_the_limit() -> None:
    check_surroundings(snakemake(jobs=4, local=False))
    with pytest.raises(ExperimentError, match=r"^-j \(--jobs\) beside --cores lifts the limit on cores"):
        check_surroundings(snakemake(jobs=4))


def test_several_machines_are_a_cluster_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    check_surroundings(snakemake(local=False), nodes=2)
    with pytest.raises(ExperimentError, match=r"^resources\.training_nodes: 2 are had in a job of Slurm's alone"):
        check_surroundings(snakemake(), nodes=2)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    check_surroundings(snakemake(), nodes=2)


@pytest.mark.parametrize(
    ("there", "accelerators", "local", "said"),
    [
        ("cpu", True, True, "resources: jobs ask for accelerators .* are for CPUs: needed is .* PLATFORM=gpu"),
        ("cpu", True, False, "resources: jobs ask for accelerators"),
        ("gpu", False, False, "resources: jobs ask for no accelerators .* needed is .* PLATFORM=cpu"),
        ("gpu", False, True, None),
        ("gpu", True, False, None),
        ("cpu", False, False, None),
        (None, True, False, None),
    ],
)
def test_engines_are_those_that_the_jobs_machines_have_something_for(
    there: str | None, accelerators: bool, local: bool, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "engines_of", lambda: there)
    if said is None:
        check_surroundings(snakemake(local=local), accelerators=accelerators)
    else:
        with pytest.raises(ExperimentError, match=said):
            check_surroundings(snakemake(local=local), accelerators=accelerators)


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_sockets_have_room_in_the_folder_for_temporary_files(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(variable, "/" + "t" * (machine.LONGEST - 1))
    check_surroundings(snakemake())
    # In bytes, of which an umlaut has two.
    monkeypatch.setenv(variable, "/" + "t" * (machine.LONGEST - 2) + "ä")
    with pytest.raises(ExperimentError, match=rf"^{variable}=/t*ä: sockets are made there, .* may have 39 bytes"):
        check_surroundings(snakemake())


def test_where_a_cluster_says_tmpdir_ray_s_folder_may_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    monkeypatch.setenv("TMPDIR", "/" + "t" * (machine.LONGEST_BESIDE_RAYS - 1))
    check_surroundings(snakemake())
    monkeypatch.setenv("TMPDIR", "/" + "t" * machine.LONGEST_BESIDE_RAYS)
    with pytest.raises(
        ExperimentError, match=r"^TMPDIR=/t*: sockets are made there, .* may have 70 bytes: /tmp, for one$"
    ):
        check_surroundings(snakemake())


def test_jobs_import_this_checkout_and_write_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PYTHONPATH": "/one:/two", "PYTHONIOENCODING": "ascii", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONUTF8", raising=False)
    for _ in range(2):
        prepare_jobs(tmp_path / "results")
        assert os.environ["PYTHONPATH"] == f"{ROOT}:/one:/two"
    assert os.environ["PYTHONUTF8"] == "1" and "PYTHONIOENCODING" not in os.environ
    assert os.environ["HOME"] == str(tmp_path)


@pytest.mark.parametrize("home", ["/dev/null", "/proc", None])
def test_caches_are_among_the_results_where_home_cannot_be_written(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home) if home else monkeypatch.delenv("HOME")
    for name in ("PYTHONPATH", "PYTHONUTF8", "PYTHONIOENCODING"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    prepare_jobs(Path("results/e"))
    assert os.environ["HOME"] == str(tmp_path / "results/e/.home")


def test_snakemake_says_so_in_one_line(tmp_path: Path) -> None:
    smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    (tmp_path / "my exp.yaml").write_text(yaml.safe_dump(smoke))
    (tmp_path / "other.smk").write_text(
        f"module eapo:\n    snakefile: {str(ROOT / 'Snakefile')!r}\n    config: {{}}\nuse rule * from eapo as eapo_*\n"
    )
    own = ["snakemake", "-n", "--directory", str(tmp_path / "work"), "-s"]
    refusals = {
        (
            str(ROOT / "Snakefile"),
            "--configfile",
            str(tmp_path / "my exp.yaml"),
        ): "the experiment is called as its file",
        (str(tmp_path / "other.smk"),): "this workflow is none of another's modules",
    }
    for arguments, said in refusals.items():
        finished = in_checkout(ROOT, *own, *arguments)
        lines = [line for line in finished.stdout.splitlines() if line.startswith("experiment: ")]
        assert finished.returncode != 0 and len(lines) == 1 and said in lines[0], finished.stdout
        assert "Traceback" not in finished.stdout
