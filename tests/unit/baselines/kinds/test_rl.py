"""Arms that are trained by reinforcement learning."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.arm import Needs
from baselines.kinds.rl import RL
from eapo_verl.settings.method import Internalization
from eapo_verl.settings.run import RunSettings

TRAINING = {
    "budget": {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 2, "validate_every": 1,
               "validation_samples": 1, "checkpoint_every": 1},
    "optimiser": {"learning_rate": 1e-4}, "lengths": {"prompt": 8, "response": 8},
}  # fmt: skip


def arm(**consultation: Any) -> RL:
    return RL(policy="small", system_prompt="Think.", experts=("wise",), consultation=consultation, reward={},
              internalization={}, training=TRAINING)  # fmt: skip


def test_an_arm_that_consults_needs_its_experts_while_it_is_trained() -> None:
    assert arm().needs() == Needs(problems=True, experts=("wise",))
    assert arm(trigger="never").needs() == Needs(problems=True)
    with pytest.raises(ValidationError, match="consults, but experts names none"):
        RL(**(arm().model_dump() | {"experts": ()}))


def test_internalization_samples_are_no_rollouts_of_its_own() -> None:
    on = {"internalization": Internalization(weight={"peak": 1.0})}
    assert set(arm().model_copy(update=on).spends()) == {"trained_tokens"} and arm().spends() == {}
    assert arm(trigger="never").model_copy(update=on).spends() == {}


def test_its_program_is_told_what_it_reads() -> None:
    told = arm(max_queries=2).settings()
    place = {"experiment": "e", "method": "m", "kind": "rl", "seed": 1, "policy": "p", "train_file": "t",
             "validation_file": "v", "config_sha256": "0",
             "experts": [{"name": "wise", "base_url": "http://host/v1", "model": "m"}]}  # fmt: skip
    run = RunSettings(**place, **told)
    assert (run.system_prompt, run.budget.steps, run.consultation.max_queries) == ("Think.", 3, 2)
    assert RL.program == "eapo_verl.train"


def test_its_own_opening_tag_cannot_be_sampled_at_evaluation() -> None:
    assert arm(tags={"consult_open": "<ask>"}).banned() == ("<ask>",)


def test_an_arm_needs_the_runs_that_it_starts_from_and_costs_as_much_as() -> None:
    fields = arm(trigger="never").model_dump()
    match = {"arm": "eapo", "like": "plain", "by": "steps"}
    needs = RL(**fields | {"start_from": "taught", "match": match}).needs()
    assert needs == Needs(problems=True, start="taught", costs_of=("eapo", "plain"))
    assert needs.runs == ("taught", "eapo", "plain")
    assert RL(**fields | {"match": match | {"like": "eapo"}}).needs().runs == ("eapo",)
    assert RL(**fields).needs().runs == ()
