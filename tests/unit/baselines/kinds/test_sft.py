"""Arms that learn from experts' solutions."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.arm import Needs
from baselines.kinds.sft import SFT
from eapo_verl.sft.settings import SFTSettings

TRAINING = {
    "budget": {"steps": 5, "prompts_per_step": 4, "rollouts_per_prompt": 6, "mini_batches": 2, "validate_every": 2,
               "validation_samples": 1, "checkpoint_every": 1},
    "optimiser": {"learning_rate": 1e-4}, "lengths": {"prompt": 8, "response": 8},
}  # fmt: skip


def arm(**changes: Any) -> SFT:
    fields: dict[str, Any] = {"policy": "small", "experts": ("wise", "old"), "supervised": {"learning_rate": 1e-4},
                              "consultation": {"tags": {"consult_open": "<ask>"}}, "training": TRAINING}  # fmt: skip
    return SFT(**(fields | changes))


def test_it_needs_its_experts_solutions_and_none_of_them_later() -> None:
    assert arm().needs() == Needs(problems=True, solutions=("wise", "old"))
    assert arm().banned() == ("<ask>",)
    with pytest.raises(ValidationError, match="learns from experts' solutions, but experts names none"):
        arm(experts=())


def test_its_program_is_told_what_it_reads() -> None:
    place = {"experiment": "e", "method": "m", "kind": "sft", "seed": 1, "policy": "p", "train_file": "t",
             "validation_file": "v", "config_sha256": "0", "experts": [],
             "solutions": {"wise": "w", "old": "o"}}  # fmt: skip
    run = SFTSettings(**place, **arm(supervised={"learning_rate": 1e-4, "lora": {"rank": 2}}).settings())
    assert SFT.program == "eapo_verl.sft"
    # The budget of reinforcement learning, in its mini-batches and optimiser steps.
    assert (run.batch, run.optimiser_steps, run.validated_steps) == (12, 10, [0, 2, 4, 5])
    assert run.supervised.effective_learning_rate == pytest.approx(1e-3)
    assert arm().supervised.effective_learning_rate == 1e-4
