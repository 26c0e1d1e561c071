"""config/smoke_code.yaml and config/smoke_logic.yaml on the real engines: the smoke experiment in other domains than its own."""

import json
import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from analysis.intake.transcripts import read_transcripts
from analysis.tables.domains import IN, OUT
from tasks.base import RIGHT, UNANSWERED, UNREADABLE, WRONG
from tasks.sandbox import OUTCOMES
from tests.integration.checkout import copy_checkout, environment, in_checkout
from workflow.shared_interpreter import FORK_VARIABLE

pytestmark = pytest.mark.engine
#: By the domain that it is trained in, what grading has to say there.
WORDS = {"code": {*OUTCOMES, UNANSWERED}, "logic": {RIGHT, WRONG, UNREADABLE, UNANSWERED}}
#: And by the benchmark of each.
BENCHMARKS = {"humaneval": "code", "puzzles": "logic"}
METHODS = ("self_exploratory", "eapo")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, python: str) -> dict[str, Path]:
    """The results of both, by the domain of training; the interpreter that has imported the engines is of both."""
    checkout = copy_checkout(tmp_path_factory.mktemp("domains"))
    path = f"{Path(python).parent}{os.pathsep}{environment(checkout)['PATH']}"
    for domain in WORDS:
        command = ("snakemake", "--cores", "2", "--configfile", f"config/smoke_{domain}.yaml")
        finished = in_checkout(checkout, *command, variables={FORK_VARIABLE: "no", "PATH": path})
        assert finished.returncode == 0, finished.stdout[-6000:]
    return {domain: checkout / "results" / f"smoke_{domain}" for domain in WORDS}


def outcomes(grades: Path) -> Counter[str]:
    return Counter(pd.read_parquet(grades)["outcome"])
