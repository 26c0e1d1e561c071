"""What arms need: models and solutions, of which their runs are told, and experts, which they lease."""

from typing import Any

import pytest
import yaml

from baselines.arm import Arm, Needs
from baselines.kinds import kinds
from eapo_verl.settings.base import Name
from tests.default_experiment import REMOTE, WITH_LARGE, plan
from workflow.methods import ExperimentError, Method, methods


class Distilled(Arm):
    """A kind that needs another model, and solutions by an expert."""

    teacher: Name
    solvers: tuple[Name, ...]

    def needs(self) -> Needs:
        return Needs(problems=True, models=(self.teacher,), solutions=self.solvers)


@pytest.fixture
def distilled(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Changes of the experiment by which it has an arm of that kind, ``mine``."""
    monkeypatch.setitem(kinds(), "distilled", Distilled)
    spends = ("expert_tokens",)
    words = {"kind": "distilled", "differences": "It is distilled.", "spends": spends}
    kind = Method(**words, teacher="expert_b", solvers=["expert_a"])
    monkeypatch.setitem(methods(), "mine", kind)
    return {"methods": ["mine"], "comparisons": [["mine", "base"]]}


def test_a_run_is_told_where_the_models_and_solutions_are_that_it_needs(distilled: dict[str, Any]) -> None:
    one = plan(**distilled)
    settings = yaml.safe_load(one.settings("mine", 1))
    assert settings["models"] == {"expert_b": "results/default/models/expert_b"}
    assert settings["solutions"] == {"expert_a": "results/default/solutions/expert_a.jsonl"}
    assert settings["experts"] == [] and "training" not in settings
    named = ["train_file", "validation_file"]
    files = [*(settings[key] for key in named), *settings["models"].values(), *settings["solutions"].values()]
    assert [str(path) for path in one.run_files("mine", 1)] == files


def test_a_run_is_told_apart_by_the_models_and_solutions_that_it_needs(distilled: dict[str, Any]) -> None:
    known = plan(**distilled).identity("mine", 1)
    for expert in ("expert_a", "expert_b"):
        assert plan(**distilled, **{f"models__{expert}__seed": 5}).identity("mine", 1) != known
    assert plan(**distilled, training__optimiser__weight_decay=0.5).identity("mine", 1) == known
    # Experts solve as many problems as reinforcement learning draws prompts.
    assert plan(**distilled, training__budget__steps=25).identity("mine", 1) != known


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("teacher", "gpt", "method mine: models: 'gpt' is not one of models"),
        ("solvers", ["gpt"], "method mine: experts: 'gpt' is not one of the experiment's"),
    ],
)
def test_what_an_arm_needs_has_to_be_there(distilled: dict[str, Any], key: str, value: Any, said: str) -> None:
    variants = {"other": {"of": "mine", key: value}}
    changes = distilled | {"variants": variants, "methods": ["mine", "other"]}
    with pytest.raises(ExperimentError, match=said.replace("mine", "other")):
        plan(**changes)


def test_an_arm_with_its_own_experts_leases_those_alone() -> None:
    large = plan(**WITH_LARGE)
    assert large.served_models("large", "training") == [large.model("expert_b")]
    lease = " ".join(large.lease("large", 1, "training"))
    assert "--services results/default/services/expert_b " in lease and "expert_a" not in lease
    assert large.scored_model("large", 1) == large.run("large", 1) / "model"


def test_what_computes_on_accelerators_is_given_its_own_of_a_machine_s_once_its_experts_answer() -> None:
    on_gpus = plan(resources__training_gpus=4, resources__sampling_gpus=1)
    assert on_gpus.lease("eapo", 1, "training")[-10:] == [
        *("python", "-m", "workflow.expert_service", "wait", "--"),
        *("python", "-m", "workflow.devices", "4", "--"),
    ]
    assert on_gpus.lease("eapo", 1, "evaluation") == ["python", "-m", "workflow.devices", "1", "--"]


def test_runs_that_consult_served_experts_lease_them_and_wait_for_their_models() -> None:
    lease = " ".join(plan().lease("eapo", 1, "training"))
    assert "--expert expert_a=results/default/models/expert_a:64 --expert expert_b=" in lease
    assert f"--endpoints {plan().endpoints('eapo', 1, 'training')}" in lease
    assert lease.endswith("workflow.expert_service wait --")
    assert plan().served_models("eapo", "training") == [plan().model("expert_a"), plan().model("expert_b")]
    assert plan().lease("eapo", 1, "evaluation") == [] and plan().served_models("eapo", "evaluation") == []
    assert plan().lease("self_exploratory", 1, "training") == []
    assert plan().served_models("self_exploratory", "training") == []
    elsewhere = plan(experts=[REMOTE])
    assert elsewhere.lease("eapo", 1, "training") == [] and elsewhere.served_models("eapo", "training") == []
