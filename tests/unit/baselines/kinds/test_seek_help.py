"""Arms that are another arm's trained model with experts at evaluation."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.arm import Needs
from baselines.kinds.seek_help import SeekHelp

OPEN = {"turns": {"train": 4, "evaluation": 3}, "max_queries": 2, "tags": {"consult_open": "<ask>"},
        "reply_max_characters": 9, "instruction": "Ask."}  # fmt: skip


def arm(**changes: Any) -> SeekHelp:
    fields = {"policy": "small", "system_prompt": "Think.", "experts": ("wise",), "consultation": OPEN}
    return SeekHelp(**fields | {"start_from": "eapo"} | changes)


def test_it_needs_the_other_arms_run_and_experts_at_evaluation() -> None:
    assert arm().needs() == Needs(start="eapo", experts_at_evaluation=("wise",))
    assert arm().program is None and arm().banned() == ()


def test_its_sampler_is_told_how_a_consultation_goes() -> None:
    procedure, replies = (arm().sampling()[name].model_dump() for name in ("procedure", "replies"))
    assert (procedure["name"], procedure["turns"], procedure["max_queries"]) == ("consulting", 3, 2)
    assert procedure["tags"] == replies["tags"] and replies["tags"]["consult_open"] == "<ask>"
    assert (replies["max_characters"], replies["max_tokens"]) == (9, None)


def test_the_policy_is_told_to_consult_as_in_training() -> None:
    assert arm().system_prompt_at_evaluation() == "Think.\n\nAsk."
    assert arm(system_prompt=None).system_prompt_at_evaluation() == "Ask."
    assert arm(system_prompt=None, consultation=OPEN | {"instruction": None}).system_prompt_at_evaluation() is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"experts": ()}, "experts names none"),
        ({"consultation": {"turns": {"train": 4, "evaluation": 0}}}, "turns.evaluation is the number of consultations"),
        ({"start_from": None}, "start_from"),
    ],
)
def test_a_channel_that_is_shut_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        arm(**changes)
