"""What a run on several machines asks of Slurm, and what its program is told."""

import pytest

from tests.default_experiment import plan
from workflow.plan import spanning

ASKED = ("gpu", "nodes", "tasks", "mpi", "cpus_per_task", "gres", "tasks_per_gpu")


def asked(method: str, **resources: int) -> dict[str, int | str]:
    """What the plugin for Slurm is told of the run of a method, beside its time and memory."""
    methods, pairs = ["self_exploratory", "eapo", "distillation_lora"], [["eapo", "self_exploratory"]]
    one = plan(methods=methods, comparisons=pairs, **resources)
    values = {resource: one.spanning(method, resource) for resource in ASKED}
    return {resource: value for resource, value in values.items() if value is not None}


def test_on_one_machine_accelerators_are_asked_for_together() -> None:
    assert asked("eapo", resources__training_gpus=4) == {"gpu": 4, "nodes": 1}
    assert plan().nodes_option("eapo") == []


@pytest.mark.parametrize(
    ("gpus", "accelerators"), [(0, {}), (8, {"gres": "gpu:8", "tasks_per_gpu": -1})], ids=["cpu", "gpu"]
)
def test_on_several_each_has_its_task_and_its_accelerators(gpus: int, accelerators: dict[str, int | str]) -> None:
    changes = {"resources__training_nodes": 2, "resources__training_threads": 16, "resources__training_gpus": gpus}
    found = asked("eapo", **changes)
    assert found == {"nodes": 2, "tasks": 2, "mpi": "srun", "cpus_per_task": 16} | accelerators
    assert plan(**changes).nodes_option("eapo") == ["--nodes", "2"]


def test_fine_tuning_stays_on_one() -> None:
    assert asked("distillation_lora", resources__training_nodes=2, resources__training_gpus=1) == {"gpu": 1, "nodes": 1}


def test_a_rule_asks_the_plan_that_knows_the_method() -> None:
    class Wildcards:
        method = "eapo"

    other = plan(methods=["self_exploratory"], comparisons=[["self_exploratory", "base"]])
    assert spanning("nodes", other, plan(resources__training_nodes=3))(Wildcards()) == 3
