"""Which of the policy's consultations the agent loop lets through, and what it knows of its confidence."""

import math

import pytest

from eapo_verl.experts.reply import FATES, Reply
from tests.scripted_rollout import ALWAYS, ANSWER, CONSULT, ONE_TURN, Experts, Script, ids, roll_out

pytestmark = pytest.mark.engine  # imports verl


@pytest.mark.parametrize(("log_prob", "asked"), [(-0.5, 0), (-1.5, 1)])
def test_a_sure_policy_is_not_let_through(log_prob: float, asked: int) -> None:
    script = Script(CONSULT, ANSWER, log_prob=log_prob)
    experts = Experts(*[Reply("a", "answered", "x")] * 2)
    output, counts = roll_out(script, experts, acceptance=ALWAYS, trigger="confidence_gated", threshold=-1.0)
    assert len(experts.asked) == asked and script.params[0]["logprobs"]
    assert (counts["gated"], counts["accepted"]) == ((0, 2) if asked else (2, 0))
    # What was held back is no critical step, however unsure the policy was.
    assert counts["confidences"] == [pytest.approx(log_prob)] and counts["low_confidence"] is (True if asked else None)
    assert counts["queries"] == sum(counts[name] for name in FATES)
    refused, _ = roll_out(Script(CONSULT, ANSWER), Experts(*[Reply("a", "failed")] * 2))
    assert (output.response_ids == refused.response_ids) is not bool(asked)


def test_the_threshold_comes_with_the_prompt_and_a_running_one_is_unknown_at_first() -> None:
    for threshold, asked in ((None, 1), (-0.4, 1), (-0.6, 0)):
        experts = Experts(*[Reply("a", "answered", "x")] * 2)
        _, counts = roll_out(Script(CONSULT, ANSWER), experts, threshold=threshold, trigger="confidence_gated")
        assert len(experts.asked) == asked
        assert counts["low_confidence"] is (True if asked and threshold is not None else None)


@pytest.mark.parametrize("query", ["", " ", "|", "?"])
def test_a_consultation_without_a_query_reaches_nobody_and_is_no_sign_of_doubt(query: str) -> None:
    experts = Experts()
    script = Script(f"<consult>{query}</consult>", ANSWER, log_prob=-9.0)
    _, counts = roll_out(script, experts, acceptance=ALWAYS, trigger="confidence_gated", threshold=-1.0)
    assert not experts.asked and (counts["consultations"], counts["queries"]) == (1, 0)
    assert counts["empty"] > 0 and counts["confidences"] == [] and counts["low_confidence"] is None


def test_entropy_is_that_of_the_distributions_which_the_tokens_came_from() -> None:
    script = Script(CONSULT, ANSWER)
    settings = {"signal": "entropy", "window": 4}
    experts = Experts(*[Reply("a", "answered", "x")] * 2)
    _, counts = roll_out(script, experts, trigger="confidence_gated", confidence=settings, threshold=-0.5)
    assert counts["confidences"] == [pytest.approx(-math.log(2))] and counts["low_confidence"]
    assert script.prompts[1] == script.prompts[0] + ids(CONSULT)
    assert counts["policy_tokens_reread"] == len(script.prompts[1])


def test_always_opens_a_consultation_that_is_not_trained_on() -> None:
    script = Script("4+7@3|9#5-8</consult>", ANSWER)
    output, counts = roll_out(script, Experts(*[Reply("a", "answered", "x")] * 2), trigger="always", acceptance=ALWAYS)
    assert script.prompts[0][-1:] == ids("<consult>") and output.response_mask[0] == 0
    assert counts["accepted"] == 2 and output.response_ids[: len(ids(CONSULT))] == ids(CONSULT)


def test_random_lets_about_its_share_through() -> None:
    def asked(step: int) -> int:
        experts = Experts(*[Reply("a", "answered", "x")] * 2)
        roll_out(
            Script(CONSULT, ANSWER),
            experts,
            step=step,
            trigger="random",
            random_p=0.5,
            acceptance=ALWAYS,
            turns=ONE_TURN,
        )
        return len(experts.asked)

    through = [asked(step) for step in range(1, 41)]
    assert 10 < sum(through) < 30 and through == [asked(step) for step in range(1, 41)]


def test_random_lets_as_many_through_as_a_running_threshold_where_it_is_told_no_share() -> None:
    settings = {"trigger": "random", "random_p": None, "confidence": {"quantile": 0.8}, "acceptance": ALWAYS}

    def let_through(step: int, threshold: float | None, log_prob: float) -> bool:
        experts = Experts(*[Reply("a", "answered", "x")] * 2)
        script = Script(CONSULT, ANSWER, log_prob=log_prob)
        _, counts = roll_out(script, experts, step=step, threshold=threshold, turns=ONE_TURN, **settings)
        assert counts["confidences"] == [pytest.approx(log_prob)]
        return bool(experts.asked)

    # Every one while no confidence is known to hold the others against.
    assert all(let_through(step, None, -0.5) for step in range(1, 11))
    sure, unsure = ([let_through(step, -0.2, log_prob) for step in range(1, 21)] for log_prob in (-0.1, -0.9))
    assert 12 <= sum(sure) < 20 and sure == unsure


def test_never_is_self_exploratory_token_for_token() -> None:
    experts = Experts(Reply("a", "answered", "x"))
    never, alone = Script(ANSWER), Script(ANSWER)
    first, counts = roll_out(never, experts, trigger="never", internalization={"weight": {"peak": 1.0}})
    second, others = roll_out(alone)
    assert (first.response_ids, first.response_mask, counts) == (second.response_ids, second.response_mask, others)
    assert (never.prompts, never.params) == (alone.prompts, alone.params)
    assert first.extra_fields["final_turn"] == second.extra_fields["final_turn"] and not experts.asked
