"""config/smoke_code.yaml and config/smoke_logic.yaml on the real engines: the smoke experiment in other domains."""

import json
from collections import Counter
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from analysis.intake.transcripts import read_transcripts
from analysis.statistics.significance import PRIMARY
from analysis.tables.domains import IN, OUT
from tasks import name_of, task
from tasks.base import RIGHT, UNANSWERED, UNREADABLE, WRONG
from tasks.sandbox import OUTCOMES
from tests.integration.checkout import copy_checkout, snakemake

# Each domain is 110 seconds of a processor: beside `make test`, which .ci/run calls after them.
pytestmark = [pytest.mark.engine, pytest.mark.arm]
#: By the domain that it is trained in, what grading has to say there.
WORDS = {"code": {*OUTCOMES, UNANSWERED}, "logic": {RIGHT, WRONG, UNREADABLE, UNANSWERED}}
#: And by the benchmark of each.
BENCHMARKS = {"humaneval": "code", "puzzles": "logic"}
METHODS = ("self_exploratory", "eapo")


@pytest.fixture(scope="module", params=["code", "logic"])
def domain(request: pytest.FixtureRequest) -> str:
    """Of training."""
    return request.param


@pytest.fixture(scope="module")
def results(domain: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of its experiment."""
    checkout = copy_checkout(tmp_path_factory.mktemp(domain))
    snakemake(checkout, experiment=f"smoke_{domain}")
    return checkout / "results" / f"smoke_{domain}"


@pytest.mark.parametrize("method", METHODS)
def test_training_pays_what_the_task_grades(results: Path, domain: str, method: str) -> None:
    rows = (json.loads(line) for part in ("train", "validation") for line in (results / f"data/{part}.jsonl").open())
    problems = {row["id"]: row for row in rows}
    run = json.loads((results / f"runs/{method}/seed1/run.json").read_text())
    told = list(read_transcripts(results / f"runs/{method}/seed1/rollouts.jsonl.gz"))
    graded = [task(name_of(problems[one.prompt])).grade(one.response, one.answer) for one in told]
    assert [one.correct for one in told] == [grade.correct for grade in graded]
    assert [one.reward["answer"] for one in told] == [float(grade.correct) for grade in graded]
    trained = Counter(grade.outcome for one, grade in zip(told, graded, strict=True) if one.phase == "train")
    assert run["outcomes"] == dict(trained) and {*trained, *run["validation_outcomes"]} <= WORDS[domain]
    # Of two steps, four prompts each and four rollouts of each; and of two validations.
    assert trained.total() == 32 and run["failed_rollouts"] == run["failed_validation_rollouts"] == 0
    right = RIGHT if domain == "logic" else "passed"
    assert 0 < trained[right] < 32 and len(trained) >= 3
    assert (run["consultations"]["accepted"] > 0) == (method == "eapo")
    if method == "self_exploratory":
        # The trainer's probabilities are the sampler's, of rows that are padded (code) and that share prompts (logic).
        steps = [json.loads(line) for line in (results / f"runs/{method}/seed1/metrics.jsonl").open()]
        assert all(step["mismatch_kl"] < 1e-9 for step in steps[1:]) and len(steps) == 3


def test_samples_of_both_domains_are_graded_by_their_words(results: Path, domain: str) -> None:
    cells, became = {"base": 0, "self_exploratory": 1, "eapo": 1}, Counter[str]()
    for (method, seed), (benchmark, its) in product(cells.items(), BENCHMARKS.items()):
        grades = pd.read_parquet(results / f"grades/{method}/seed{seed}/{benchmark}.parquet")
        assert len(grades) == 2 * grades["question_id"].nunique() and {*grades["outcome"]} <= WORDS[its]
        assert (grades["correct"] == grades["outcome"].isin(("passed", RIGHT))).all()
        became.update(grades["outcome"])
        beside = results / f"samples/{method}/seed{seed}/{benchmark}.provenance.json"
        made = json.loads(beside.read_text())
        assert made["benchmark"] == benchmark and made["samples"] == 2 and len(made["model_sha256"]) == 64
        assert {*made["versions"]} == {"lm_eval", "vllm", "transformers", "torch"} and made["git_sha"]
    # Among the programs are right ones, those that are no Python, and one or a few that never end.
    assert all(became[word] for word in ("passed", "failed", "raised", "invalid", "timed_out", UNREADABLE))


def test_the_domain_of_training_is_told_from_the_other(results: Path, domain: str) -> None:
    places = {(IN, domain), (OUT, ({*WORDS} - {domain}).pop())}
    table = pd.read_csv(results / "tables" / "domains.csv")
    assert {*zip(table["scope"], table["domains"], strict=True)} == places
    assert {*table["method"]} == {"base", *METHODS} and len(table) == 6
    assert table["avg_at_k"].between(0, 1).all() and table[["ci_low", "ci_high", "constant"]].notna().all(axis=None)
    assert {*zip(table["domains"], table["n_questions"], strict=True)} == {("code", 4), ("logic", 6)}
    pairs = pd.read_csv(results / "tables" / "domain_pairs.csv")
    compared = pairs[pairs["test"] == PRIMARY]
    assert {*zip(compared["scope"], compared["domains"], strict=True)} == places and len(compared) == 2 * 3
    said = (results / "report.html").read_text()
    assert all(f"{scope[0].upper()}{scope[1:]} (" in said for scope in (IN, OUT))
