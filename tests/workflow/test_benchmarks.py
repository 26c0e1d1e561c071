"""A benchmark is lines of an experiment: what Snakemake runs where one is added, and where nothing but a date changes.

The jobs are the real ones but for the engine, in whose place stands a function of a sample's seed. Files and folders
of the user's have names that a shell would carry out. The checkout's path has a space and an umlaut, the results are
elsewhere, HOME cannot be written, and Python is told to print ASCII.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.checkout import copy_checkout, in_checkout

ENGINE = """
import json, sys
from types import SimpleNamespace
from baselines.arm import Arm
from workflow.command import run_command
from workflow.sampling import journal, run
from workflow.sampling.__main__ import main

class Canned(Arm):
    sampler = "baselines.kinds.canned"

def draw(request, asked_for, missing, label, started):
    for one in missing:
        one.journal.begin()
        for question, number, seed in one._seeds:
            if seed not in one.journal:
                one.journal.add(seed, journal.Completion(f"{question} {number} {seed}", 1, "stop"))
        one.finish({})
        print("drawn:", one.benchmark.name, file=sys.stderr)

if __name__ == "__main__":
    sys.modules["workflow.sampling.draw"] = SimpleNamespace(draw=draw)
    sys.exit(run_command("sampling", main))
"""
HOSTILE = "my $(touch owned) 'ä\"; touch owned;"
ALPHA = {"source": "local", "path": f"{HOSTILE}.csv"}
POLICY = f"-{HOSTILE} policy"
BETA = {"source": "local", "path": "beta.jsonl", "task": "integers_bare"}
FOLDER = "results/mine/samples/canned/seed0"


def work_of(checkout: Path) -> Path:
    """The folder in which the workflow of this checkout works."""
    return checkout.with_name("work")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout") / "mein Überprüftes")
    (checkout / "baselines" / "kinds" / "canned.py").write_text(ENGINE)
    (checkout / "baselines" / "canned").mkdir()
    method = {"kind": "canned", "spends": ["evaluation_tokens"], "differences": "None."}
    (checkout / "baselines" / "canned" / "method.yaml").write_text(yaml.safe_dump(method))
    work = work_of(checkout)
    (work / POLICY).mkdir(parents=True)
    for name, content in {"config.json": "{}", "tokenizer_config.json": '{"chat_template": "x"}', "a.bin": ""}.items():
        (work / POLICY / name).write_text(content)
    (work / ALPHA["path"]).write_text("question,answer\nOne and one?,002\nTwo and two?,4\n")
    (work / "beta.jsonl").write_text('{"id": "b", "problem": "3+3", "answer": "6"}\n')
    return checkout


def sampled(checkout: Path, benchmarks: dict[str, Any], **changes: Any) -> tuple[list[str], set[str]]:
    """The rules of the jobs that ran for the samples of these benchmarks, and for which of them an engine drew any."""
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    world = {"models": {"policy": {"source": "local", "path": POLICY}}, "experts": []}
    own = {"methods": ["canned"], "comparisons": [["canned", "base"]], "benchmarks": benchmarks}
    (checkout / "config/mine.yaml").write_text(yaml.safe_dump(smoke | world | own | changes))
    targets = [f"{FOLDER}/{name}.jsonl" for name in benchmarks]
    options = ("--configfile", "config/mine.yaml", "--nolock", "--cores", "1", "--rerun-incomplete")
    elsewhere = ("--directory", str(work_of(checkout)))
    # Snakemake has a cache of its own, which it makes before it reads anything.
    strange = {"HOME": os.devnull, "XDG_CACHE_HOME": str(checkout.parent), "PYTHONIOENCODING": "ascii"}
    strange["PYTHONPATH"] = ""
    finished = in_checkout(checkout, "snakemake", *targets, *options, *elsewhere, variables=strange)
    assert finished.returncode == 0, finished.stdout
    rules = re.findall(r"^(?:local)?rule (\w+):", finished.stdout, re.MULTILINE)
    log = work_of(checkout) / "results/mine/logs/draw.canned.seed0.log"
    return sorted(rules), set(re.findall(r"drawn: (\w+)", log.read_text())) if "draw" in rules else set()


@pytest.mark.arm
def test_a_benchmark_is_added_touched_and_asked_otherwise(checkout: Path) -> None:
    assert sampled(checkout, {"alpha": ALPHA}) == (["draw", "fetched_problems", "request", "sample"], {"alpha"})
    work = work_of(checkout)
    alpha = work / FOLDER / "alpha.jsonl"
    before, date = alpha.read_bytes(), alpha.stat().st_mtime_ns
    assert [json.loads(line)["question_id"] for line in before.splitlines()] == ["1", "1", "2", "2"]

    # One more: it is drawn alone, and the first one's file is not even written again.
    both = {"alpha": ALPHA, "beta": BETA}
    assert sampled(checkout, both) == (["draw", "fetched_problems", "request", "sample"], {"beta"})
    assert (alpha.read_bytes(), alpha.stat().st_mtime_ns) == (before, date)

    # What changes no sample, now that all are there.
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    room = smoke["evaluation"] | {"max_model_len": 200, "tensor_parallel": 2}
    assert sampled(checkout, both, evaluation=room) == ([], set())
    for path in (work / POLICY, *(work / POLICY).iterdir()):
        path.touch()
    again = ["draw", "request", "request", "sample", "sample"]
    assert sampled(checkout, both) == (again, set())
    assert sampled(checkout, both) == ([], set())
    assert alpha.read_bytes() == before

    # A prompt that is edited: its own benchmark is drawn again.
    integers = checkout / "tasks" / "integers.py"
    text = integers.read_text()
    assert text.count("Please reason step by step") == 1
    integers.write_text(text.replace("Please reason step by step", "Think"))
    assert sampled(checkout, both) == (again, {"alpha"})
    assert alpha.read_bytes() == before, "a sample is a function of its seed here"

    # Another temperature: all of them are.
    hotter = room | {"temperature": 1.5}
    assert sampled(checkout, both, evaluation=hotter) == (again, {"alpha", "beta"})
    # Nothing was carried out, and of what was made nothing lies in the checkout.
    assert not (work / "owned").exists() and not (checkout / "results").exists()
