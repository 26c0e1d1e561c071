"""The DAG of every shipped configuration, and what a broken one says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workflow.experiment import load_experiment
from workflow.methods import methods

CONFIGS = sorted(Path("config").glob("*.yaml"))
#: Of a thousand jobs and more, which take half a minute to plan: with the rival arms' tests.
LARGE = {"ablations", "decide", "full", "middle", "paper"}


def snakemake(*arguments: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["snakemake", "--nolock", *arguments], capture_output=True, text=True, env=os.environ | {"PATH": path}
    )


@pytest.mark.parametrize(
    "config",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.arm] if path.stem in LARGE else []) for path in CONFIGS],
)
def test_dry_run(config: Path) -> None:
    finished = snakemake("-n", "--forceall", "--configfile", str(config))
    assert finished.returncode == 0, finished.stderr
    experiment = load_experiment(yaml.safe_load(config.read_text()), str(config))
    counts = {
        columns[0]: int(columns[1])
        for line in finished.stdout.splitlines() + finished.stderr.splitlines()
        if len(columns := line.split()) == 2 and columns[1].isdigit()
    }
    arms, seeds = experiment.arms.values(), len(experiment.seeds)
    runs = seeds * sum(arm.program is not None for arm in arms)
    # An arm that scores another one's models has one of each seed, too.
    cells = sum(seeds if arm.program is not None or arm.needs().start is not None else 1 for arm in arms)
    assert counts.get("train", 0) == runs
    assert finished.stdout.count("training_slots=1") == runs
    assert counts["draw"] == cells
    assert counts["request"] == counts["sample"] == counts["grade"] == cells * len(experiment.benchmarks)


def test_the_dag_is_drawn() -> None:
    finished = snakemake("--dag")
    assert finished.returncode == 0 and finished.stdout.startswith("digraph")


def test_conda_is_not_promised() -> None:
    finished = snakemake("-n", "--sdm", "conda")
    assert finished.returncode != 0 and "Traceback" not in finished.stderr
    [said] = [line for line in finished.stderr.splitlines() if line.startswith("experiment: ")]
    assert said.startswith("experiment: --sdm conda: not supported")


def test_lint() -> None:
    finished = snakemake("--lint")
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"methods": ["magic"]}, f"methods: 'magic' is unknown; allowed are {', '.join(sorted(methods()))}"),
        ({"seeds": []}, "seeds: Tuple should have at least 1 item"),
    ],
)
def test_a_broken_configuration_is_one_line_and_no_traceback(tmp_path: Path, change: dict, said: str) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(Path("config/default.yaml").read_text()) | change))
    finished = snakemake("-n", "--configfile", str(config))
    lines = [line for line in finished.stderr.splitlines() if line.strip()]
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr
    assert [line for line in lines if line.startswith("experiment: ")] == [line for line in lines if said in line] != []
    assert not (Path("results") / "mine").exists()


def test_a_key_that_stands_there_twice_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(Path("config/smoke.yaml").read_text() + "seeds: [2]\n")
    finished = snakemake("-n", "--configfile", str(config))
    assert finished.returncode != 0 and "Traceback" not in finished.stderr
    (line,) = [line for line in finished.stderr.splitlines() if "twice" in line]
    assert line.startswith(f"experiment: {config}: 'seeds' stands there twice")
