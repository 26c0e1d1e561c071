"""A benchmark is added by configuration alone: contests of a new year, by their kind of answer, from a file to a grade.

The questions are invented. That Snakemake runs these jobs, and draws for the added one alone, test_benchmarks shows.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.intake.samples import Grader, read_answers
from tests.default_experiment import broken
from workflow.experiment import load_experiment
from workflow.experiment_files import count_problems
from workflow.methods import ExperimentError
from workflow.plan_data import DataPlan
from workflow.sampling.questions import read_benchmark
from workflow.sources.benchmarks import command

#: Files as such sets are published: a row a question, in whatever columns.
FILES: dict[str, list[dict[str, Any]]] = {
    "aime_2026.jsonl": [
        {"problem_idx": 1, "problem": "How many coins of 5 make 45?", "answer": 9},
        {"problem_idx": 2, "problem": "Find the remainder of 25 by 1000.", "answer": "025"},
    ],
    "hmmt_feb_2026.jsonl": [
        {"id": "a", "question": "Half of one?", "answer": r"\frac{1}{2}"},
        {"id": "b", "question": "The roots of x^2 = 2?", "answer": r"\sqrt{2}, -\sqrt{2}"},
        {"id": "c", "question": "How many ways to order 30?", "answer": "30!"},
    ],
    "capitals.jsonl": [{"question": "Of France?", "choices": ["Rome", "Paris"], "answer": 1}],
    "names.jsonl": [{"question": "Who wrote it?", "answer": "Ada Lovelace"}],
}
BENCHMARKS = {
    "aime_2026": {"source": "local", "path": "aime_2026.jsonl", "task": "integers"},
    "hmmt_feb_2026": {"source": "local", "path": "hmmt_feb_2026.jsonl", "task": "numbers"},
    "capitals": {
        "source": "local",
        "path": "capitals.jsonl",
        "task": "choice",
        "instruction": "A letter in \\boxed{}.",
    },
    "names": {"source": "local", "path": "names.jsonl", "task": "short_text"},
}
RESPONSES = {
    "aime_2026": [r"\boxed{9}", r"\boxed{25}"],
    "hmmt_feb_2026": [r"\boxed{0.5}", r"\boxed{\pm\sqrt2} and \boxed{\frac{2}{\sqrt2}}", r"\boxed{30 \cdot 29!}"],
    "capitals": [r"\boxed{B}"],
    "names": [r"\boxed{\text{Ada Lovelace}.}"],
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An experiment on a model that reads words, beside the files."""
    for name, rows in FILES.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    train = {"source": "logic", "size": 400, "seed": 1, "families": {"syllogism": {}, "circuit_logic": None}}
    config = broken(benchmarks=BENCHMARKS, train=train, tuning=None, models={"policy": {"source": "smollm2"}})
    config |= {"policy": "policy", "experts": [], "methods": ["self_exploratory"], "references": ["base"]}
    config |= {"comparisons": [["self_exploratory", "base"]], "validation": train | {"size": 30, "seed": 2}}
    monkeypatch.chdir(tmp_path)
    return config


def test_from_a_file_to_a_grade(world: dict[str, Any], tmp_path: Path) -> None:
    experiment = load_experiment(world, "mine")
    plan = DataPlan(experiment, tmp_path / "results")
    assert plan.fetched == plan.benchmarks == list(BENCHMARKS) and plan.logic == ["train", "validation"]
    assert plan.before("validation") == [plan.file("train")]
    assert plan.tasks("train") == ["integers", "short_text"] and plan.tasks("capitals") == ["choice"]
    assert count_problems(experiment) | {"train": 400} == {
        "train": 400, "validation": 30, "benchmarks.aime_2026": 2, "benchmarks.hmmt_feb_2026": 3,
        "benchmarks.capitals": 1, "benchmarks.names": 1,
    }  # fmt: skip
    for name, responses in RESPONSES.items():
        (path,) = plan.local_files(name)
        command([*plan.fetch_arguments(name), f"--path={path}", f"--out={plan.file(name)}"])
        benchmark = read_benchmark(f"{name}={plan.file(name)}")
        assert all(one in benchmark.questions[0].prompt for one in benchmark.instructions)
        rows = [
            {"question_id": question.id, "sample": 0, "response": text, "n_tokens": 1, "finish_reason": "stop"}
            for question, text in zip(benchmark.questions, responses, strict=True)
        ]
        with Grader() as grader:
            graded = grader.grade(pd.DataFrame(rows), read_answers(plan.file(name)))
        assert list(graded["correct"]) == [number != 1 or name == "aime_2026" for number in range(len(rows))]
    capitals = read_benchmark(f"capitals={plan.file('capitals')}")
    assert capitals.questions[0].prompt == "Of France?\n\nA) Rome\nB) Paris\n\nA letter in \\boxed{}."
    assert capitals.instructions == ("A letter in \\boxed{}.",)


@pytest.mark.parametrize(
    ("name", "task", "complaint"),
    [
        ("hmmt_feb_2026", "integers", r"hmmt_feb_2026.jsonl:1: answer '\\frac{1}{2}' is not an integer"),
        ("names", "numbers", "names.jsonl:1: answer 'Ada Lovelace' is not a number in closed form"),
        ("names", "choice", "names.jsonl:1: answer 'Ada Lovelace' is not the letter of an option"),
    ],
)
def test_a_file_of_another_task_is_refused_before_anything_starts(
    world: dict[str, Any], name: str, task: str, complaint: str
) -> None:
    world["benchmarks"] = {name: BENCHMARKS[name] | {"task": task}}
    with pytest.raises(ExperimentError) as refused:
        load_experiment(world, "mine")
    assert complaint.replace("\\\\", "\\") in str(refused.value).replace("\\\\", "\\")
