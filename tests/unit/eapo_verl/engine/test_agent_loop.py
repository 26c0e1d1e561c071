"""The agent loop's turns, tokens, seeds and rewards; tests/integration/test_smoke.py drives real engines."""

import math
import threading
from typing import Any

import pytest

from eapo_verl.engine import agent_loop
from eapo_verl.experts.reply import Reply
from eapo_verl.method.draws import sampling_seed
from eapo_verl.method.rewards import score
from eapo_verl.method.rollout import COUNTS
from eapo_verl.settings.run import Overlong
from tasks.integers import Integers
from tests.scripted_rollout import ALWAYS, ANSWER, CONSULT, TOKENIZER, Experts, Script, ids, roll_out

pytestmark = pytest.mark.engine  # imports verl


def test_without_consultation_it_is_one_turn_with_the_tag_banned() -> None:
    script = Script(ANSWER)
    output, counts = roll_out(script)
    assert output.response_ids == ids(ANSWER) and set(output.response_mask) == {1}
    assert script.params[0]["logit_bias"] == {TOKENIZER.convert_tokens_to_ids("<consult>"): -100.0}
    assert "stop" not in script.params[0]
    assert counts["policy_tokens"] == counts["response_tokens"] == len(ids(ANSWER))
    assert not any(counts[name] for name in COUNTS)


def test_a_rollout_comes_with_its_reward_and_the_engines_log_probabilities() -> None:
    output, _ = roll_out(Script(ANSWER), response=len(ids(ANSWER)), overlong=Overlong(penalty=0.5))
    assert output.reward_score == 1.0 - 0.5
    assert output.extra_fields["reward_extra_info"] == {
        "score": 1.0, "acc": 1.0, "answered": 1.0, "format": 1.0, "outcome": "right", "overlong_reward": -0.5
    }  # fmt: skip
    experts = Experts(Reply("a", "answered", ANSWER, 12), Reply("b", "answered", ANSWER, 12))
    output, _ = roll_out(Script(CONSULT, ""), experts, acceptance=ALWAYS)
    # An expert's answer that the policy does not repeat earns nothing.
    assert output.reward_score == 0.0 and output.extra_fields["reward_extra_info"]["answered"] == 0.0
    known = [not math.isnan(value) for value in output.response_logprobs]
    assert known == [bool(own) for own in output.response_mask] and any(known) and not all(known)
    # In a step without a comparison nobody asks for them.
    output, _ = roll_out(Script(ANSWER), step=3)
    assert all(math.isnan(value) for value in output.response_logprobs)


def test_a_tag_of_several_tokens_is_banned_as_words() -> None:
    script = Script(ANSWER)
    roll_out(script, tags={"consult_open": "1*2"})
    assert script.params[0]["bad_words"] == ["1*2"]


def test_what_was_said_goes_along_for_the_rollouts_that_are_kept_alone() -> None:
    def said(**settings: Any) -> dict[str, Any] | None:
        experts = Experts(Reply("a", "answered", "4+7=1</reply>"), Reply("b", "timed_out"))
        output, _ = roll_out(Script(CONSULT, ANSWER), experts, acceptance=ALWAYS, **settings)
        return output.extra_fields["reward_extra_info"].get("transcript")

    assert said() is None and said(transcribed=False, step=10) is None
    kept = said(transcribed=True, threshold=-0.2, trigger="confidence_gated")
    assert kept is not None
    (turn,) = kept["turns"]
    assert turn == {
        "policy": CONSULT,
        "confidence": -0.5,
        "let_through": True,
        "queries": [
            {"query": "4+7@3", "fate": "accepted", "expert": "a", "reply": "4+7=1"},
            {"query": "9#5-8", "fate": "timed_out", "expert": "b", "reply": None},
        ],
        "step": 1,
    }
    assert (kept["prompt"], kept["answer"], kept["response"], kept["accepted"]) == ("p", "626", ANSWER, 1)
    gated = said(transcribed=True, threshold=-0.7, trigger="confidence_gated")
    assert gated is not None and [one["fate"] for one in gated["turns"][0]["queries"]] == ["gated", "gated"]
    # A validation's prompts carry no mark: those of the last step's are kept.
    output, _ = roll_out(Script(ANSWER), step=10)
    assert output.extra_fields["reward_extra_info"]["transcript"]["turns"] == []


def test_token_ids_are_only_ever_appended() -> None:
    script = Script(CONSULT, ANSWER)
    roll_out(script, Experts(Reply("a", "answered", "x"), Reply("a", "answered", "y")), acceptance=ALWAYS)
    first, second = script.prompts
    assert second[: len(first) + len(ids(CONSULT))] == first + ids(CONSULT)


def test_a_problem_that_is_drawn_again_is_rolled_out_otherwise() -> None:
    def seed(occurrence: int) -> int:
        script = Script(ANSWER)
        roll_out(script, occurrence=occurrence)
        return script.params[0]["seed"]

    assert seed(0) == seed(0) == sampling_seed(1, 1, 0, 0, 0) and len({seed(number) for number in range(5)}) == 5


def test_every_prompt_begins_with_the_last_one_and_what_was_written_after_it() -> None:
    # A template that drops earlier thinking would rewrite history; nothing is ever rendered again.
    thinking = "4+7=1;<consult>9#5-8</consult>"
    script = Script(thinking, thinking, thinking, ANSWER)
    replies = Experts(Reply("a", "answered", "9#5=4"))
    turns = {"train": 3, "evaluation": 3}
    output, counts = roll_out(script, replies, acceptance=ALWAYS, turns=turns)
    for before, after in zip(script.prompts, script.prompts[1:], strict=False):
        assert after[: len(before)] == before
    assert len(script.prompts) == 4 and counts["consultations"] == 3
    assert script.prompts[-1] == script.prompts[0] + output.response_ids[: -len(ids(ANSWER))]


def test_a_grade_that_waits_is_waited_for_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    graded_in: list[threading.Thread] = []

    def noted(*arguments: Any) -> dict[str, float]:
        graded_in.append(threading.current_thread())
        return score(*arguments)

    monkeypatch.setattr(agent_loop, "score", noted)
    assert roll_out(Script(ANSWER))[0].reward_score == 1.0
    monkeypatch.setattr(Integers, "waits", True)
    assert roll_out(Script(ANSWER))[0].reward_score == 1.0
    assert [thread is threading.main_thread() for thread in graded_in] == [True, False]
