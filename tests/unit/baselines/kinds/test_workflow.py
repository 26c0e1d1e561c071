"""Arms whose samples take several turns of a policy that is not trained."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.arm import Needs
from baselines.kinds.workflow import Workflow
from baselines.procedure import Replies
from eapo_verl.method.grammar import Tags
from tests.scripted_sample import shipped


def arm(procedure: str = "expert_workflow", **changes: Any) -> Workflow:
    consultation = {"tags": {"consult_open": "<ask>"}, "reply_max_characters": 9}
    fields = {"policy": "small", "experts": ("wise", "old"), "consultation": consultation}
    return Workflow(**(fields | {"procedure": shipped(procedure).model_dump()} | changes))


def test_it_has_no_run_and_needs_its_experts_at_evaluation_where_they_are_asked() -> None:
    assert arm().program is None and arm().sampler is None
    assert arm().needs() == Needs(experts_at_evaluation=("wise", "old"))
    for procedure in ("leap", "self_consistency"):
        assert arm(procedure).needs() == arm(procedure, experts=()).needs() == Needs()


def test_a_workflow_without_the_experts_that_it_asks_is_refused() -> None:
    with pytest.raises(ValidationError, match="expert_workflow asks experts, but experts names none"):
        arm(experts=())


def test_its_sampler_is_told_the_procedure_and_how_replies_are_bounded() -> None:
    told = arm(expert_max_tokens=40).sampling()
    assert told["procedure"] == shipped("expert_workflow")
    assert told["replies"] == Replies(max_tokens=40, max_characters=9, tags=Tags(consult_open="<ask>"))
    assert list(arm("leap").sampling()) == ["procedure"]
    assert arm().banned() == ("<ask>",)
