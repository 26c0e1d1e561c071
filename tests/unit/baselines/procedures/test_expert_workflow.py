"""The expert-assisted workflow: what each turn is shown, with whatever answers come."""

from typing import Any

import pytest
from pydantic import ValidationError

from baselines.procedure import Turn
from tests.scripted_sample import ScriptedSample, Written, shipped

BARE = {
    "reply": "{reply}",
    "separator": "|",
    "nobody": "unavailable",
    "reconcile": "{prompt}",
    "begun": "<consult>{prompt}</consult><reply>{replies}|{draft}</reply>",
}


def policy(turn: Written) -> Turn:
    return Turn("<think>6?</think> I say 6. ", cut=False) if turn.place == (0,) else Turn(r"\boxed{7}", cut=True)


def test_the_policy_drafts_experts_answer_the_bare_problem_and_the_policy_reconciles() -> None:
    sample = ScriptedSample(policy, experts=["It is 7.", "{draft} is 8."])
    assert sample.respond(shipped("expert_workflow", answers=2)) == Turn(r"\boxed{7}", cut=True)
    draft, reconciled = sample.turns
    assert (draft.user, draft.max_tokens) == (sample.prompt, None)
    assert sample.asked == [(sample.prompt, 2)]
    assert reconciled.user.startswith(f"{sample.prompt}\n\nYour own draft of an answer:\nI say 6.\n\n")
    # What an expert wrote is shown as it is, whatever it looks like.
    assert "Answer 1:\nIt is 7.\n\nAnswer 2:\n{draft} is 8.\n\nJudge" in reconciled.user
    assert "think" not in reconciled.user and reconciled.begun == ""


@pytest.mark.parametrize(
    ("experts", "begun"),
    [
        (["7", "8"], "<consult>How many?</consult><reply>7|8|I say 6.</reply>"),
        (["7"], "<consult>How many?</consult><reply>7|I say 6.</reply>"),
        ([], "<consult>How many?</consult><reply>unavailable|I say 6.</reply>"),
    ],
)
def test_it_reconciles_what_has_come_by_prompts_of_the_experiment_s_own(experts: list[str], begun: str) -> None:
    sample = ScriptedSample(policy, experts)
    sample.respond(shipped("expert_workflow", prompts=BARE))
    assert (sample.turns[1].user, sample.turns[1].begun) == (sample.prompt, begun)


def test_a_policy_that_reads_one_form_alone_is_shown_it_and_a_draft_that_nobody_reads_is_not_written() -> None:
    prompts = {
        **BARE,
        "reply": "{reply}",
        "begun": "<consult>{prompt}</consult><reply>{replies}</reply>",
        "rewrite": [[r";\\boxed.*", ""], [";", "|"]],
    }
    sample = ScriptedSample(policy, experts=["4+7=1;1*2=2;\\boxed{12}"])
    sample.prompt = "4+7;1*2"
    sample.respond(shipped("expert_workflow", prompts=prompts))
    (reconciled,) = sample.turns
    assert reconciled.begun == "<consult>4+7|1*2</consult><reply>4+7=1|1*2=2</reply>"
    assert reconciled.user == sample.prompt and sample.asked == [("4+7;1*2", None)]


def test_a_draft_is_rewritten_as_answers_are() -> None:
    sample = ScriptedSample(policy, experts=["I say 7."])
    sample.respond(shipped("expert_workflow", prompts={**BARE, "rewrite": [["I say (.)", r"\1"]]}))
    assert sample.turns[1].begun == "<consult>How many?</consult><reply>7.|6.</reply>"


def test_experts_that_are_always_wrong_are_shown_all_the_same() -> None:
    sample = ScriptedSample(policy, experts=[r"\boxed{0}"] * 3)
    sample.respond(shipped("expert_workflow", answers=3, draft_tokens=5))
    assert sample.turns[0].max_tokens == 5 and sample.turns[1].user.count(r"\boxed{0}") == 3


def test_answers_make_no_token_together() -> None:
    prompts = {**BARE, "begun": "<reply>{replies}</reply>"}
    sample = ScriptedSample(policy, experts=["7<", "end", "> 8"])
    sample.respond(shipped("expert_workflow", prompts=prompts))
    assert sample.turns[-1].begun == "<reply>7|| 8</reply>"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompts": {"ask": "?"}}, r"ask\n.*it has to contain {prompt}"),
        ({"prompts": {"reconcile": "{draft}{replies}"}}, r"reconcile\n.*it has to contain {prompt}"),
        ({"prompts": {"reply": "{number}"}}, r"reply\n.*it has to contain {reply}"),
        ({"prompts": {"rewrite": [["(", ""]]}}, r"'\(' to '' is no regular expression: missing \), unterminated"),
        ({"prompts": {"rewrite": [["a", r"\1"]]}}, r"'a' to '\\+1' is no regular expression: invalid group reference"),
        ({"prompts": {"reconcile": "{prompt}{draft}"}}, r"reconcile or begun has to contain {replies}"),
        ({"answers": 0}, "answers"),
        ({"name": "magic"}, "'expert_workflow', 'leap', 'self_consistency'"),
    ],
)
def test_a_workflow_that_cannot_be_followed_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        shipped("expert_workflow", **changes)


def test_its_longest_message_is_known_but_for_what_is_written_meanwhile() -> None:
    assert shipped("expert_workflow", prompts=BARE).longest("1+1") == (
        "1+1<consult>1+1</consult><reply>unavailable|</reply>"
    )
