"""What an arm spends beside the experiment's budget is declared, or it is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from baselines.arm import Arm, Needs, Spending
from eapo_verl.settings.run import Training
from tests.default_experiment import DEFAULT
from workflow.experiment import load_experiment
from workflow.fairness import spent, undeclared
from workflow.methods import METHODS, ExperimentError, merged, methods

SHARED = Training(**DEFAULT["training"])


class Greedy(Arm):
    """An arm that needs whatever its fields say."""

    training: Training = SHARED
    needed: Needs = Needs()

    def needs(self) -> Needs:
        return self.needed


class Sampling(Greedy):
    sampler = "some.sampler"


class Learning(Greedy):
    def spends(self) -> dict[Spending, str]:
        return {"trained_tokens": "solutions"}


def trained(**parts: dict[str, Any]) -> dict[str, Any]:
    """The shared training with keys of its parts replaced."""
    return {"training": Training(**merged(DEFAULT["training"], parts))}


@pytest.mark.parametrize(
    ("kind", "fields", "items"),
    [
        (Greedy, {}, set()),
        (Greedy, trained(budget={"checkpoint_every": 1, "validation_samples": 9}), set()),
        (Greedy, trained(budget={"steps": 12}), {"prompts", "rollouts", "optimiser_steps"}),
        (Greedy, trained(budget={"rollouts_per_prompt": 9}), {"rollouts"}),
        (Greedy, trained(budget={"mini_batches": 2}), {"optimiser_steps"}),
        # The same in other portions.
        (Greedy, trained(budget={"steps": 48, "prompts_per_step": 8, "mini_batches": 2}), set()),
        (Greedy, trained(optimiser={"dynamic_sampling": True}), {"prompts", "rollouts"}),
        (Greedy, trained(verl={"actor_rollout_ref.actor.ppo_epochs": 2}), {"optimiser_steps"}),
        (Greedy, {"needed": Needs(experts=("a",))}, {"expert_tokens"}),
        (Greedy, {"needed": Needs(models=("a",))}, {"expert_tokens"}),
        (Greedy, {"needed": Needs(solutions=("a",))}, {"expert_tokens"}),
        (Greedy, {"needed": Needs(experts_at_evaluation=("a",))}, {"evaluation_expert_tokens"}),
        (Sampling, {}, {"evaluation_tokens"}),
        (Learning, {"needed": Needs(solutions=("a",))}, {"expert_tokens", "trained_tokens"}),
    ],
)
def test_what_an_arm_spends_beside_the_budget(kind: type[Greedy], fields: dict[str, Any], items: set[str]) -> None:
    arm = kind(policy="p", **fields)
    assert set(spent(arm, SHARED)) == items
    assert undeclared("mine", arm, tuple(items), SHARED) is None
    for item in items:
        said = undeclared("mine", arm, tuple(items - {item}), SHARED)
        assert said is not None and said.startswith("method mine: spends: ") and "\n" not in said
        assert f"does not hold {item} (" in said and all(one in said.partition("needed is")[2] for one in items)


def test_dynamic_sampling_of_all_arms_is_the_experiments() -> None:
    dynamic = trained(optimiser={"dynamic_sampling": True})
    assert spent(Greedy(policy="p", **dynamic), dynamic["training"]) == {}


@pytest.mark.parametrize("name", methods())
def test_an_arm_that_ships_declares_it(name: str) -> None:
    """In an experiment with experts and problems, whatever else it has."""
    method = methods()[name]
    experiment = load_experiment(DEFAULT, "config/default.yaml")
    arm = method.arm(name, experiment.shared())
    assert undeclared(name, arm, method.spends or (), experiment.training) is None


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        (
            {"of": "self_exploratory", "training": {"budget": {"rollouts_per_prompt": 9}}},
            "method mine: spends: the experiment's budget does not hold rollouts (3456, not 3072): needed is "
            "spends: [rollouts]",
        ),
        (
            {"of": "self_exploratory", "consultation": {"trigger": "always"}},
            "method mine: spends: the experiment's budget does not hold expert_tokens (of expert_a, expert_b)",
        ),
        ({"of": "eapo", "spends": ["expert_tokens"]}, "does not hold trained_tokens (internalization samples)"),
        ({"of": "eapo", "experts": []}, "method mine: it consults, but experts names none"),
    ],
)
def test_an_experiment_with_an_arm_that_does_not_is_refused_in_one_line(variant: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        load_experiment(DEFAULT | {"variants": {"mine": variant}}, "config/mine.yaml")
    message = str(caught.value)
    assert message.startswith("config/mine.yaml: ") and said in message and "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: magic", "baselines/mine/method.yaml: kind: 'magic' is unknown; allowed are "),
        (
            "kind: rl\ncolour: red",
            "baselines/mine/method.yaml: colour: no key of a method of kind rl, which has policy",
        ),
        ("kind: [rl", "baselines/mine/method.yaml: "),
        ("", "baselines/mine/method.yaml: "),
        ("kind: rl\nspends: many", "baselines/mine/method.yaml: spends: Input should be a valid tuple"),
        ("kind: rl\nreward: {bonsu: 1}\nconsultation: {trigger: never}", "c: method mine: reward.bonsu: Extra inputs"),
        ("kind: rl\nexperts: []", "c: method mine: it consults, but experts names none"),
        (
            "kind: rl",
            "c: method mine: spends: the experiment's budget does not hold expert_tokens (of expert_a, expert_b)",
        ),
        (
            "kind: rl\nconsultation: {trigger: never}\ntraining: {budget: {steps: 9}}",
            "c: method mine: spends: the experiment's budget does not hold prompts (144, not 384), rollouts (1152,",
        ),
        ("kind: untrained\npolicy: {expert: 7}", "c: method mine: policy: expert 7 is not one of the experiment's 2"),
        (
            "kind: untrained\npolicy: gpt",
            "c: method mine: policy: 'gpt' is not one of models (policy, expert_a, expert_b)",
        ),
    ],
)
def test_a_faulty_method_file_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    for path in METHODS.glob("*/method.yaml"):
        (tmp_path / path.parent.name).mkdir()
        shutil.copy(path, tmp_path / path.parent.name)
    (tmp_path / "mine").mkdir()
    differences = "differences: '`policy`, `experts` and `training.budget`.'\n" if text.startswith("kind") else ""
    (tmp_path / "mine" / "method.yaml").write_text(differences + text)
    monkeypatch.setattr("workflow.methods.METHODS", tmp_path)
    methods.cache_clear()
    try:
        with pytest.raises(ExperimentError) as caught:
            load_experiment(DEFAULT | {"methods": ["self_exploratory", "eapo", "eapo_paper", "mine"]}, "c")
    finally:
        methods.cache_clear()
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_a_variant_is_called_after_what_it_varies_and_spends_as_it_does() -> None:
    variants = {
        "eapo_no_gate": {"of": "eapo", "consultation": {"trigger": "learned"}},
        "eapo_cheap": {
            "of": "eapo",
            "title": "Cheap",
            "internalization": {"weight": {"peak": 0}},
            "spends": ["expert_tokens"],
        },
        "other": {"of": "eapo"},
    }
    experiment = load_experiment(DEFAULT | {"variants": variants}, "c")
    found = {name: experiment.method(name) for name in variants}
    assert {name: one.title for name, one in found.items()} == {
        "eapo_no_gate": "EAPO no gate", "eapo_cheap": "Cheap", "other": None
    }  # fmt: skip
    assert found["other"].spends == ("expert_tokens", "trained_tokens") and found["eapo_cheap"].spends == (
        "expert_tokens",
    )
    # Two arms that look alike cannot be told apart.
    assert all(one.look is None for one in found.values())


def test_arms_that_ship_do_not_look_alike() -> None:
    looks = [method.look for method in methods().values() if method.look is not None]
    assert len(looks) > 3 and len({(look.colour, look.marker) for look in looks}) == len(looks)
