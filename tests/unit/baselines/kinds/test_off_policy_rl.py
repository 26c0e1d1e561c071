"""Arms with experts' solutions as members of their groups."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.arm import Needs
from baselines.kinds.off_policy_rl import OffPolicyRL
from eapo_verl.settings.run import RunSettings

BUDGET = {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 3, "validate_every": 1, "validation_samples": 1,
          "checkpoint_every": 1}  # fmt: skip


def arm(rows: int = 1, experts: tuple[str, ...] = ("wise",), trigger: str = "never", **optimiser: Any) -> OffPolicyRL:
    plain = {"learning_rate": 1e-4, "normalise_by_std": False}
    training = {"budget": BUDGET, "optimiser": plain | optimiser, "lengths": {"prompt": 8, "response": 8}}
    return OffPolicyRL(policy="small", experts=experts, consultation={"trigger": trigger}, reward={},
                       internalization={}, training=training, off_policy={"rows": rows})  # fmt: skip


def test_it_needs_its_experts_solutions() -> None:
    assert arm().needs() == Needs(problems=True, solutions=("wise",))


def test_its_program_is_told_of_the_rows() -> None:
    place = {"experiment": "e", "method": "m", "kind": "off_policy_rl", "seed": 1, "policy": "p", "train_file": "t",
             "validation_file": "v", "config_sha256": "0", "experts": [],
             "solutions": {"wise": "wise.jsonl"}}  # fmt: skip
    run = RunSettings(**place, **arm(rows=2).settings())
    assert run.off_policy is not None and run.off_policy.rows == 2 and OffPolicyRL.program == "eapo_verl.train"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"experts": ()}, "experts names none"),
        ({"rows": 3}, r"off_policy.rows \(3\) has to be below budget.rollouts_per_prompt \(3\)"),
        ({"trigger": "learned"}, "consultation.trigger: beside off-policy rows allowed is never, got learned"),
        ({"normalise_by_std": True}, "optimiser.normalise_by_std: beside off-policy rows allowed is False, got True"),
        ({"dynamic_sampling": True}, "optimiser.dynamic_sampling: .* allowed is False, got True"),
        ({"kl_coefficient": 0.01}, "optimiser.kl_coefficient: .* allowed is 0.0, got 0.01"),
        ({"kl_reward_coefficient": 0.01}, "optimiser.kl_reward_coefficient: .* allowed is 0.0, got 0.01"),
    ],
)
def test_what_does_not_go_with_off_policy_rows_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        arm(**changes)
