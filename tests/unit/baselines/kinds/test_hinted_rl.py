"""Arms with experts' hints in their training prompts."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.arm import Needs
from baselines.kinds.hinted_rl import HintedRL
from eapo_verl.settings.run import RunSettings

TRAINING = {
    "budget": {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 2, "validate_every": 1,
               "validation_samples": 1, "checkpoint_every": 1},
    "optimiser": {"learning_rate": 1e-4}, "lengths": {"prompt": 8, "response": 8},
}  # fmt: skip
FIELDS: dict[str, Any] = {
    "policy": "small", "experts": ("wise",), "consultation": {"trigger": "never"}, "reward": {}, "internalization": {},
    "training": TRAINING, "hint": {"share": 0.25},
}  # fmt: skip


def test_it_needs_its_experts_solutions_and_them_only_where_it_consults() -> None:
    assert HintedRL(**FIELDS).needs() == Needs(problems=True, solutions=("wise",))
    consulting = HintedRL(**FIELDS | {"consultation": {}})
    assert consulting.needs() == Needs(problems=True, solutions=("wise",), experts=("wise",))
    with pytest.raises(ValidationError, match="experts names none"):
        HintedRL(**FIELDS | {"experts": ()})


def test_its_program_is_told_of_the_hint() -> None:
    place = {"experiment": "e", "method": "m", "kind": "hinted_rl", "seed": 1, "policy": "p", "train_file": "t",
             "validation_file": "v", "config_sha256": "0", "experts": [],
             "solutions": {"wise": "wise.jsonl"}}  # fmt: skip
    run = RunSettings(**place, **HintedRL(**FIELDS).settings())
    assert run.hint is not None and run.hint.share == 0.25 and HintedRL.program == "eapo_verl.train"


@pytest.mark.parametrize("share", [0.0, 1.0, True])
def test_a_hint_is_a_part_of_a_solution(share: Any) -> None:
    with pytest.raises(ValidationError, match="share"):
        HintedRL(**FIELDS | {"hint": {"share": share}})
