"""Where a workflow runs: what its jobs find in names, folders and variables, and what of it could break them."""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from eapo_verl.cpu.environment import engines_of
from eapo_verl.engine.cluster import check_job
from eapo_verl.settings.machine import check_temporary_folder
from eapo_verl.settings.run import RunError
from workflow.methods import ExperimentError

CHECKOUT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
#: What Ray's shells, verl's patterns and addresses of files take for nothing but letters.
_PATH = re.compile(r"[\w /.,+@=~-]+")


def own_file(*parts: str) -> str:
    """The path of a file of this checkout, from the working folder."""
    return os.path.relpath(CHECKOUT.joinpath(*parts))


def python_path() -> str:
    """``PYTHONPATH`` by which a process finds this checkout, before whatever else this one's names."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([str(CHECKOUT), *filter(None, path)]))


def experiment_name(config_file: Path) -> str:
    """The name of an experiment, that of its file. Raises ExperimentError where no folder can be called so."""
    if not _NAME.fullmatch(config_file.stem):
        raise ExperimentError(
            f"{str(config_file)!r}: the experiment is called as its file: allowed are letters without accents, digits "
            "and any of _ - ., a letter or digit first"
        )
    return config_file.stem


def check_surroundings(workflow: Any, nodes: int = 1, accelerators: bool = False) -> None:
    """Check what jobs would stumble over, before the first of them.

    Args:
        workflow: Snakemake's.
        nodes: machines that a run is to be made on.
        accelerators: whether jobs ask for any.

    Raises:
        ExperimentError: what it is, and what is allowed.
    """
    for folder in (Path.cwd(), CHECKOUT, Path(sys.prefix)):
        if not _PATH.fullmatch(str(folder)):
            raise ExperimentError(
                f"{folder}: engines take some of the path for more than letters: allowed are letters, digits, spaces "
                "and any of . , _ + @ = ~ -"
            )
    if sys.getfilesystemencoding() != "utf-8":
        raise ExperimentError(f"files are read as {sys.getfilesystemencoding()}, as the locale says: set PYTHONUTF8=1")
    if workflow.local_exec and workflow.resource_settings.nodes is not None:
        raise ExperimentError("-j (--jobs) beside --cores lifts the limit on cores: give --cores alone")
    _check_engines(accelerators, workflow.local_exec)
    try:
        check_temporary_folder()
        if workflow.local_exec:
            check_job(nodes)
    except RunError as error:
        raise ExperimentError(str(error)) from error


def _check_engines(accelerators: bool, local: bool) -> None:
    """Engines for CPUs would train a model of billions on them; the others compute on accelerators or not at all."""
    there, keys = engines_of(), "training_gpus, sampling_gpus, experts_gpus"
    if accelerators and there == "cpu":
        raise ExperimentError(
            f"resources: jobs ask for accelerators ({keys}), and the installed engines are for CPUs: needed is an "
            "environment of PLATFORM=gpu (make setup)"
        )
    # A job of a cluster's sees what it asks for; here, all that there is.
    if not accelerators and there == "gpu" and not local:
        raise ExperimentError(
            f"resources: jobs ask for no accelerators ({keys}), and the installed engines need one: needed is an "
            "environment of PLATFORM=cpu (make setup)"
        )


def prepare_jobs(results: Path) -> None:
    """Set the variables of this process, and so of the jobs that it starts.

    They import this checkout, whatever the working folder is. They read and write UTF-8, whatever the terminal does.
    Where HOME cannot be written, as in many a container, caches are in ``results``.
    """
    os.environ["PYTHONPATH"] = python_path()
    os.environ["PYTHONUTF8"] = "1"
    os.environ.pop("PYTHONIOENCODING", None)
    if not _is_writable(Path(os.environ.get("HOME") or os.devnull)):
        os.environ["HOME"] = str((results / ".home").absolute())


def _is_writable(folder: Path) -> bool:
    """Whether a file can be made there; permissions alone do not tell, of a read-only file system say."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
