"""Consultation at evaluation: what the policy is shown, what experts are, and what counts as the response."""

from collections.abc import Sequence
from typing import Any

import pytest

from baselines.procedure import Turn
from baselines.procedures.consulting import Consulting
from eapo_verl.settings.method import Consultation
from tests.scripted_sample import ScriptedSample, Written

QUESTION = ScriptedSample.prompt
CLOSED = Turn("1+1=<consult>1+1|2+2", cut=False, stopped=True)
ANSWER = Turn(r"2;4\boxed{24}", cut=False)


def sample(*turns: Turn, experts: Sequence[str] = ()) -> ScriptedSample:
    return ScriptedSample(lambda written: turns[written.place[0]], experts)


def procedure(**consultation: Any) -> Consulting:
    return Consulting.of(Consultation(**{"turns": {"train": 2, "evaluation": 2}} | consultation))


def test_a_policy_that_asks_nobody_is_left_alone() -> None:
    alone = sample(ANSWER)
    assert alone.respond(procedure()) == ANSWER
    assert alone.turns == [Written(QUESTION, (0,), "", None, "</consult>")] and alone.consulted == []


def test_the_policy_goes_on_behind_the_replies_and_its_last_words_count() -> None:
    helped = sample(CLOSED, ANSWER, experts=["2"])
    assert helped.respond(procedure()) == ANSWER
    assert helped.consulted == [(["1+1", "2+2"], (0,))]
    begun = "1+1=<consult>1+1|2+2</consult><reply>2|unavailable</reply>"
    assert helped.turns[1] == Written(QUESTION, (1,), begun, None, "</consult>")


def test_the_tag_is_banned_once_the_turns_are_spent() -> None:
    insisting = sample(CLOSED, CLOSED, ANSWER, experts=["2", "4"])
    assert insisting.respond(procedure()) == ANSWER
    once = "1+1=<consult>1+1|2+2</consult><reply>2|4</reply>"
    assert insisting.turns[2] == Written(QUESTION, (2,), once * 2, None, None, banned="<consult>")
    assert [place for _, place in insisting.consulted] == [(0,), (1,)]


def test_queries_are_as_many_as_in_training_and_put_as_there() -> None:
    asking = sample(Turn("<consult>1|1|2|3", cut=False, stopped=True), ANSWER)
    asking.respond(procedure(max_queries=2, query_prompt="{problem} {query}?"))
    assert asking.consulted == [([f"{QUESTION} 1?", f"{QUESTION} 2?"], (0,))]


def test_an_empty_consultation_asks_nobody() -> None:
    empty = sample(Turn("<consult> |.", cut=False, stopped=True), ANSWER)
    assert empty.respond(procedure()) == ANSWER
    assert empty.consulted == [] and empty.turns[1].begun == "<consult> |.</consult><reply></reply>"


@pytest.mark.parametrize("turn", [Turn("<consult>1+1", cut=True), Turn("", cut=True), Turn("<consult>1+1", cut=False)])
def test_a_consultation_that_is_not_closed_is_the_response(turn: Turn) -> None:
    open_one = sample(turn)
    assert open_one.respond(procedure()) == turn and open_one.consulted == []
