"""Arms that are trained by what a teacher makes of their own rollouts."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from baselines.arm import Needs
from eapo_verl.settings.run import RunSettings
from tests.default_experiment import DEFAULT
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan

ARMS = ("distillation_on_policy", "distillation_on_policy_rewarded")


def plan(*arms: str, **changes: Any) -> Plan:
    """The default experiment with these arms and changes."""
    own = {"methods": list(arms or ARMS), "comparisons": [[name, "base"] for name in arms or ARMS]}
    return Plan(load_experiment(copy.deepcopy(DEFAULT) | own | changes, "c"), "default", Path("results/default"))


def variant(**changes: Any) -> dict[str, Any]:
    return {"variants": {"mine": {"of": "distillation_on_policy"} | changes}}


@pytest.mark.parametrize("name", ARMS)
def test_its_program_is_told_of_the_teacher_which_is_there_before_the_run(name: str) -> None:
    one = plan()
    assert one.experiment.arms[name].needs() == Needs(problems=True, models=("expert_a",))
    run = RunSettings(**yaml.safe_load(one.settings(name, 1)))
    assert run.teacher == Path("results/default/models/expert_a") in one.run_files(name, 1)
    assert run.distillation is not None and run.distillation.task_reward == name.endswith("rewarded")
    assert not run.experts and not run.consultation.possible and not run.internalization.on
    assert (one.program(name), one.lease(name, 1, "training")) == ("eapo_verl.train", [])
    assert one.experiment.arms[name].banned() == ("<consult>",)


def test_whatever_is_part_of_the_tasks_loss_is_off_where_there_is_none_and_the_run_says_so() -> None:
    optimiser = {"overlong": {"buffer": 0.5}, "kl_coefficient": 0.1}
    training = copy.deepcopy(DEFAULT["training"])
    training["optimiser"] |= optimiser
    one = plan(training=training)
    bare, rewarded = (RunSettings(**yaml.safe_load(one.settings(name, 1))) for name in ARMS)
    assert not any(getattr(bare.optimiser, key) for key in optimiser)
    assert all(getattr(rewarded.optimiser, key) for key in optimiser)
    departed = {"overlong.buffer", "overlong.penalty", "kl_coefficient"}
    assert {f"training.optimiser.{key}" for key in departed} == {
        key for key in bare.departures if key.startswith("training.")
    }


def test_a_run_is_told_apart_by_its_teacher_and_not_by_the_teachers_name() -> None:
    models = DEFAULT["models"]

    def identity(teacher: str) -> str:
        return plan("mine", **variant(teacher=teacher), models=models | {"wise": models["expert_a"]}).identity(
            "mine", 1
        )

    assert identity("wise") == identity("expert_a") != identity("expert_b")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"teacher": "gpt"}, "method mine: models: 'gpt' is not one of models (policy, expert_a, expert_b)"),
        (
            {"consultation": {"trigger": "learned"}},
            "consultation.trigger: it has to be never: the teacher is not asked",
        ),
        ({"training": {"optimiser": {"temperature": 0.6}}}, "temperature: the teacher scores at temperature 1"),
        ({"training": {"optimiser": {"kl_coefficient": 0.1}}}, "kl_coefficient: without task_reward it has to be off"),
        ({"training": {"optimiser": {"overlong": {"buffer": 1}}}}, "overlong: without task_reward it has to be off"),
        ({"coefficient": 0.5}, "coefficient: there is no other loss to weigh against without task_reward"),
        ({"coefficient": 0.0, "task_reward": True}, "coefficient: Input should be greater than 0"),
        ({"loss_clamp": -1}, "loss_clamp: Input should be greater than 0"),
        ({"teachr": "expert_a"}, "teachr: no key of a method of kind on_policy_distillation"),
    ],
)
def test_what_is_not_allowed_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        plan("mine", **variant(**changes))
    assert said in str(caught.value) and "\n" not in str(caught.value)
