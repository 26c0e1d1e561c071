"""One step's rollouts in numbers."""

from dataclasses import replace
from typing import Any

import pytest

from eapo_verl.experts.reply import Reply
from eapo_verl.method.grammar import Neutralised
from eapo_verl.method.objective import Parts
from eapo_verl.method.rollout import Rollout, reply_answer
from eapo_verl.record.step_metrics import OUTCOME, VALIDATION_OUTCOME, added_up, counted, summarise
from tasks import task


def fields(*replies: tuple[Reply, bool], answer: str = "7", right: bool = True) -> dict[str, Any]:
    """What a finished rollout leaves; each reply with whether it was accepted."""
    rollout = Rollout(prompt=[1], task=task("integers"))
    if replies:
        rollout.append_policy([2, 3], "<consult>q</consult>", [-0.5, -0.5], {"global_steps": 0})
        rollout.confidences.append(-0.5)
        words = [Neutralised(reply.text, removed=False, capped=False) if shown else None for reply, shown in replies]
        rollout.count_replies([reply for reply, _ in replies], [shown for _, shown in replies], words)
        rollout.append_replies([4], tuple(reply.text for reply, shown in replies if shown), trained=False)
    rollout.append_policy([5], f"\\boxed{{{answer}}}", [], {"global_steps": 0})
    outcome = "right" if right else "wrong"
    reward = {"acc": float(right), "answered": 1.0, "format": 1.0, "overlong_reward": 0.0, "outcome": outcome}
    return {"consultation": rollout.facts(100) | {"consultation_s": 0.5}, "reward_extra_info": reward}


GOOD = Reply("a", "answered", "3+4=7", tokens=3, prompt_tokens=5, cost=0.25, attempts=2, flops=80.0)


def test_a_step_in_numbers() -> None:
    rollouts = [fields((GOOD, True)), fields((GOOD, False), right=False, answer="8"), fields(right=False)]
    parts = [Parts(1.0, bonus=0.1), Parts(0.0, cost=0.1), Parts(0.0)]
    numbers = summarise(rollouts, parts)
    assert numbers["accuracy_train"] == pytest.approx(1 / 3)
    assert numbers["accuracy_train_assisted"] == 1.0 and numbers["accuracy_train_unassisted"] == 0.0
    assert numbers["reward_mean"] == pytest.approx(1 / 3)
    assert numbers["reward_answer"] == pytest.approx(1 / 3)
    assert numbers["reward_bonus"] == numbers["reward_cost"] == pytest.approx(0.1 / 3)
    assert numbers["consult_rate"] == pytest.approx(2 / 3) and numbers["queries_per_turn"] == 1.0
    assert numbers["copy_rate"] == 1.0
    assert numbers["queries"] == numbers["accepted"] + numbers["annealed"] == 2
    assert (numbers["expert_tokens"], numbers["expert_prompt_tokens"], numbers["expert_requests"]) == (6, 10, 4)
    assert numbers["expert_cost"] == 0.5 and numbers["policy_tokens"] == 7 and numbers["expert_flops"] == 160.0
    # A prompt of one token a rollout, and a reply of one token.
    assert numbers["policy_prompt_tokens"] == 3 + 2 and numbers["policy_tokens_reread"] == 0


def test_what_was_discarded_was_paid_for_and_is_not_learned_from() -> None:
    numbers = summarise([fields()], [Parts(1.0)], [fields((GOOD, True), right=False)], [fields((GOOD, True))] * 2)
    assert numbers["accuracy_train"] == 1.0 and numbers["rollouts"] == 1
    assert (numbers["discarded_rollouts"], numbers["surplus_rollouts"]) == (1, 2)
    assert numbers["queries"] == numbers["accepted"] == 3 and numbers["expert_tokens"] == 9
    assert numbers["consult_rate"] == 0.0


def test_what_became_of_answers_is_counted_of_all_rollouts_and_added_up_over_steps() -> None:
    numbers = summarise([fields()] * 2, [Parts(1.0)] * 2, [fields(right=False)], [fields(right=False)] * 2)
    assert (numbers["outcome_right"], numbers["outcome_wrong"]) == (2, 3)
    validation = counted(["timed_out", "right", "timed_out"], VALIDATION_OUTCOME)
    # A column that a step lacks may be null in its line.
    steps = [validation | {"step": 0, "outcome_wrong": None}, dict(numbers), dict(numbers) | {"outcome_timed_out": 1}]
    assert added_up(steps, OUTCOME) == {"right": 4, "timed_out": 1, "wrong": 6}
    assert added_up(steps, VALIDATION_OUTCOME) == {"right": 1, "timed_out": 2}


def test_there_may_be_nothing_to_take_a_mean_of() -> None:
    numbers = summarise([fields()], [Parts(1.0)])
    for name in ("accuracy_train_assisted", "copy_rate", "queries_per_turn", "confidence"):
        assert numbers[name] is None


@pytest.mark.parametrize(
    ("reply", "states"),
    [("4+7=1,1@3=6", "6"), ("\\boxed{12} and 3", "12"), ("none", None), ("\\boxed{x} 3", "x"), ("1" * 30, None)],
)
def test_the_answer_of_a_reply(reply: str, states: str | None) -> None:
    assert reply_answer(task("integers"), reply) == states


@pytest.mark.parametrize("by_bytes", [False, True])
@pytest.mark.parametrize("by_characters", [False, True])
def test_a_reply_that_two_limits_cut_is_one_reply(by_bytes: bool, by_characters: bool) -> None:
    rollout = Rollout([1], task("integers"))
    reply = replace(GOOD, capped=by_bytes)
    rollout.count_replies([reply], [True], [Neutralised("3+4", removed=True, capped=by_characters)])
    assert rollout.counts["capped"] == int(by_bytes or by_characters) and rollout.counts["neutralised"] == 1
