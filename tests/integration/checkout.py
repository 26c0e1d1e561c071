"""Commands in a copy of this checkout."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests import ROOT
from workflow.shared_interpreter import FORK_VARIABLE


def copy_checkout(target: Path) -> Path:
    """Copy what git knows of this checkout, uncommitted files included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for name in listed.stdout.split():
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def environment(checkout: Path) -> dict[str, str]:
    """Of a command in the copy: this environment's programs, the copy's code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(checkout)}


def in_checkout(
    checkout: Path, *command: str, variables: Mapping[str, str] | None = None, **kwargs: Any
) -> subprocess.CompletedProcess:
    """Run a command there, in an environment with other ``variables``; its errors are in its output."""
    return subprocess.run(
        command,
        cwd=checkout,
        env=environment(checkout) | (variables or {}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **kwargs,
    )


def snakemake(checkout: Path, *arguments: str, experiment: str = "smoke") -> str:
    """Run the smoke experiment, or another one, as users do, with further arguments and return what was printed."""
    command = ("snakemake", *arguments, "--cores", "2", "--configfile", f"config/{experiment}.yaml")
    finished = in_checkout(checkout, *command, variables={FORK_VARIABLE: "yes"})
    assert finished.returncode == 0, finished.stdout[-6000:]
    return finished.stdout


def settings(
    checkout: Path, folder: Path, method: str, python: str = sys.executable, **changes: dict[str, Any]
) -> list[str]:
    """The command of a smoke run with changed settings; its files go to ``folder``."""
    run = yaml.safe_load((checkout / f"results/smoke/settings/{method}.seed1.yaml").read_text())
    for part, values in changes.items():
        run[part] |= values
    (folder / "settings.yaml").write_text(yaml.safe_dump(run))
    command = [python, "-m", "eapo_verl.train", str(folder / "settings.yaml")]
    return [*command, "--run-dir", str(folder / "run"), "--checkpoint-dir", str(folder / "checkpoints")]
