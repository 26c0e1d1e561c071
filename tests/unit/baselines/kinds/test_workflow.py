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
    assert arm("leap").needs() == arm("leap", experts=()).needs() == Needs()


def test_a_vote_waits_for_the_samples_that_it_is_matched_with_unless_its_number_is_stated() -> None:
    open_number = arm("self_consistency").needs()
    assert open_number == Needs(samples_of="expert_workflow", responses_of="base")
    assert open_number.samples == ("expert_workflow", "base") and open_number.runs == ()
    fields = arm("self_consistency").model_dump()
    stated = fields | {"procedure": fields["procedure"] | {"votes": 4}}
    assert Workflow(**stated).needs() == Needs()
    with pytest.raises(ValidationError, match="votes is null, and there is no match to compute it by"):
        Workflow(**fields | {"procedure": fields["procedure"] | {"match": None}})


def test_a_workflow_without_the_experts_that_it_asks_is_refused() -> None:
    with pytest.raises(ValidationError, match="expert_workflow asks experts, but experts names none"):
        arm(experts=())


def test_its_sampler_is_told_the_procedure_and_how_replies_are_bounded() -> None:
    told = arm(expert_max_tokens=40).sampling()
    assert told["procedure"] == shipped("expert_workflow")
    assert told["replies"] == Replies(max_tokens=40, max_characters=9, tags=Tags(consult_open="<ask>"))
    assert list(arm("leap").sampling()) == ["procedure"]
    assert arm().banned() == ("<ask>",)
