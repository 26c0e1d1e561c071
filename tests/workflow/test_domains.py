"""Of which domain the problems of an experiment are, and what that is a part of."""

from typing import Any

import pytest

from tests.default_experiment import broken
from workflow.experiment import Experiment
from workflow.plan_shards import experiment_sha256
from workflow.problem_sets import Domains, domains_of

SUMS = {"source": "word_problems", "size": 9, "seed": 1}
LOGIC = {"source": "logic", "size": 9, "seed": 2, "families": {"circuit_logic": {}, "syllogism": {}}}
PROGRAMS = {"source": "programs", "size": 9, "seed": 3}
FILE = {"source": "local", "path": "pyproject.toml"}
HELD_OUT = {"source": "held_out", "size": 2}


def experiment(train: dict[str, Any], **benchmarks: dict[str, Any]) -> Experiment:
    models = {"policy": {"source": "smollm2"}}
    changes = {"train": train, "benchmarks": benchmarks, "tuning": None, "models": models, "experts": []}
    one = broken(
        methods=["self_exploratory"], comparisons=[["self_exploratory", "base"]], references=["base"], **changes
    )
    return Experiment.model_validate({key: value for key, value in one.items() if key != "variants"})


@pytest.mark.parametrize(
    ("train", "benchmarks", "domains"),
    [
        (SUMS, {"a": SUMS, "b": FILE | {"task": "numbers"}}, None),
        # Puzzles are logic whatever they are asked as, circuits for an integer.
        (LOGIC, {"a": LOGIC, "b": FILE | {"task": "roles"}}, None),
        (
            SUMS,
            {"a": SUMS, "b": LOGIC, "c": PROGRAMS},
            ("mathematics", {"a": "mathematics", "b": "logic", "c": "code"}),
        ),
        (SUMS, {"a": PROGRAMS}, ("mathematics", {"a": "code"})),
        (SUMS, {"a": SUMS | {"domain": "physics"}}, ("mathematics", {"a": "physics"})),
        (SUMS, {"a": FILE | {"task": "choice"}}, ("mathematics", {"a": "knowledge"})),
        # Of the training set's problems, and of its domain.
        (FILE | {"domain": "physics", "hold_out": {"size": 2, "seed": 0}}, {"a": HELD_OUT}, None),
    ],
)
def test_a_set_is_of_its_tasks_domain_unless_it_says_another(
    train: dict[str, Any], benchmarks: dict[str, Any], domains: tuple[str, dict[str, str]] | None
) -> None:
    one = experiment(train, **benchmarks)
    assert domains_of(one.train, one.benchmarks) == (None if domains is None else Domains(*domains))


def test_a_domain_changes_no_run_and_what_shards_are_merged_by() -> None:
    plain, physics = (experiment(SUMS, a=SUMS | more) for more in ({}, {"domain": "physics"}))
    both = experiment(SUMS | {"domain": "physics"}, a=SUMS | {"domain": "physics"})
    assert experiment_sha256(plain) != experiment_sha256(physics)
    assert experiment_sha256(plain) == experiment_sha256(both)
