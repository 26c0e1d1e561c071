"""Experts that are spoiled on purpose: what they are asked, what is passed on of their replies, and what stays."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from eapo_verl.experts.conduct import NO_NUMBER, Question, question_put, reply_passed_on
from eapo_verl.experts.reply import Reply
from eapo_verl.settings.base import Conduct
from eapo_verl.settings.identity import identity
from tests.expert_pool import ask, endpoint
from tests.expert_server import ExpertServer

CHAIN = Question("4+7@3", "4+7@3;1*2;9#5-8", "{query}")
STEPS = "4+7=1,1@3=6"
PROSE = r"Half of 48 is 24, and 48 + 24 = 72. So she sold \boxed{72} clips."
WRONG, ELSEWHERE, BRIEF = (Conduct(kind=kind) for kind in ("wrong", "another_problem", "sub_question"))


def said(text: str) -> Reply:
    return Reply("a", "answered", text, 7, 11, 0.5, 1, flops=3.0)


def passed_on(conduct: Conduct, text: str, query: str = CHAIN.query, seed: int = 1) -> str:
    return reply_passed_on(conduct, query, said(text), seed).text


def digits_that_differ(before: str, after: str) -> list[int]:
    assert len(before) == len(after)
    places = [place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    assert all(before[place].isdigit() and after[place].isdigit() for place in places)
    return places


def test_an_honest_expert_is_asked_and_quoted_as_it_is() -> None:
    honest = Conduct()
    assert question_put(honest, CHAIN, 1) == CHAIN and reply_passed_on(honest, CHAIN.query, said(STEPS), 1) == said(
        STEPS
    )


@pytest.mark.parametrize(
    ("text", "results"),
    [
        (STEPS, [4, 10]),
        (PROSE, [33, 56]),
        ("It is 7.", [6]),
        (r"x = -5.25, so \boxed{ -5.25 }", [8, 26]),
        (r"\boxed{\frac{3}{4}}, by step 2", [13, 16, 29]),
        (r"12 apples, \fbox{3, 5}", [17, 20]),
        ("42", [1]),
    ],
)
def test_a_wrong_reply_states_other_results_and_is_else_the_same(text: str, results: list[int]) -> None:
    places = digits_that_differ(text, passed_on(WRONG, text))
    assert places == results
    # Whoever asks again gets the same answer; whoever asks something else may be told something else.
    assert {passed_on(WRONG, text, seed=seed) for seed in range(20)} == {passed_on(WRONG, text)}
    assert len({passed_on(WRONG, text, query=str(number)) for number in range(60)}) == 9


def test_a_wrong_expert_is_asked_what_any_other_is_and_costs_as_much() -> None:
    assert question_put(WRONG, CHAIN, 1) == CHAIN
    reply = reply_passed_on(WRONG, CHAIN.query, said(STEPS), 1)
    assert replace(reply, text=STEPS) == said(STEPS)


@pytest.mark.parametrize("text", ["Paris", "", r"In 3 steps: \boxed{\text{no}}"])
def test_what_holds_no_number_cannot_be_made_wrong_and_fails(text: str) -> None:
    reply = reply_passed_on(WRONG, CHAIN.query, said(text), 1)
    assert (reply.outcome, reply.text, reply.detail) == ("failed", "", NO_NUMBER)
    assert (reply.tokens, reply.cost, reply.attempts) == (7, 0.5, 1)


def test_another_problem_has_other_numbers_and_its_answer_is_passed_on() -> None:
    asked = question_put(ELSEWHERE, CHAIN, 1)
    assert asked is not None and asked.template == CHAIN.template
    assert digits_that_differ(CHAIN.query, asked.query) == [0, 2, 4]
    assert digits_that_differ(CHAIN.problem, asked.problem) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert asked.problem.startswith(asked.query)
    assert passed_on(ELSEWHERE, STEPS) == STEPS


def test_a_question_without_numbers_is_no_other_one() -> None:
    words = Question("why?", "4+7", "{query}")
    assert question_put(ELSEWHERE, words, 1) is None
    with_problem = question_put(ELSEWHERE, words._replace(template="{problem} {query}"), 1)
    assert with_problem is not None and with_problem.problem != "4+7"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (STEPS, "6"),
        (PROSE, "72"),
        ("It is -7.5 degrees.", "-7.5"),
        ("12-5", "5"),
        ("First line.\nParis\n", "Paris"),
        (r"\boxed{ x+1 }, by step 2", "x+1"),
    ],
)
def test_of_a_sub_question_only_the_result_is_told(text: str, result: str) -> None:
    assert passed_on(BRIEF, text) == result
    asked = question_put(BRIEF, CHAIN._replace(template="Of {problem}: {query}"), 1)
    assert asked == CHAIN


def test_a_probability_is_the_share_of_the_queries_and_follows_from_their_seeds() -> None:
    at_times = Conduct(kind="wrong", probability=0.3)
    wrong = [passed_on(at_times, STEPS, seed=seed) != STEPS for seed in range(2000)]
    assert sum(wrong) / 2000 == pytest.approx(0.3, abs=0.03)
    assert wrong == [passed_on(at_times, STEPS, seed=seed) != STEPS for seed in range(2000)]
    assert passed_on(Conduct(kind="wrong", probability=0.0), STEPS) == STEPS


@pytest.mark.parametrize("conduct", [WRONG, ELSEWHERE, BRIEF], ids=lambda one: one.kind)
def test_a_reply_that_did_not_come_stays_what_it_is(conduct: Conduct) -> None:
    late = Reply("a", "timed_out", attempts=1, detail="request timeout")
    assert reply_passed_on(conduct, "1", late, 1) == late


@settings(max_examples=40)
@given(st.text(max_size=9), st.text(alphabet="0123456789=.\\boxed{}-+$ ab", max_size=40))
def test_any_text_is_read(query: str, text: str) -> None:
    for conduct in (WRONG, ELSEWHERE, BRIEF):
        reply = reply_passed_on(conduct, query, said(text), 1)
        assert reply.outcome in ("answered", "failed")
        question_put(conduct, Question(query, text, "{query}"), 1)
    if passed_on(WRONG, text):
        assert digits_that_differ(text, passed_on(WRONG, text))


@pytest.mark.parametrize("unit", ["1", "1.", "= ", "1 ", "\\boxed{", "=" * 5 + " " * 50])
def test_a_long_reply_takes_time_in_proportion_to_its_length(unit: str) -> None:
    begun = time.process_time()
    for conduct in (WRONG, ELSEWHERE, BRIEF):
        passed_on(conduct, unit * (60_000 // len(unit)))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "fields", [{"kind": "sly"}, {"probability": 1.5}, {"probability": -0.1}, {"probability": True}, {"mood": "bad"}]
)
def test_a_conduct_that_there_is_not_is_refused(fields: dict) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        Conduct(**fields)


def test_an_expert_without_a_conduct_is_who_it_was() -> None:
    plain = endpoint("http://host/v1")
    assert "conduct" not in identity(plain) and identity(plain) == identity(endpoint("http://host/v1", conduct={}))
    assert identity(endpoint("http://host/v1", conduct={"kind": "wrong"}))["conduct"] == {
        "kind": "wrong", "probability": 1.0
    }  # fmt: skip


def test_the_pool_asks_and_passes_on_as_each_expert_s_conduct_says(server: ExpertServer) -> None:
    (wrong,) = ask([endpoint(server.base_url, conduct=WRONG)], ["echo 4+7=1"])
    assert digits_that_differ("4+7=1", wrong.text) == [4]
    assert b"echo 4+7=1" in server.received[-1]
    (other,) = ask([endpoint(server.base_url, conduct=ELSEWHERE)], ["echo 48"])
    assert other.text != "48" and f"echo {other.text}".encode() in server.received[-1]
    (brief,) = ask([endpoint(server.base_url, conduct=BRIEF)], ["echo 4+7=1"])
    assert brief.text == "1"


def test_where_one_cannot_be_wrong_another_expert_is_asked(
    server: ExpertServer, caplog: pytest.LogCaptureFixture
) -> None:
    (alone,) = ask([endpoint(server.base_url, conduct=ELSEWHERE)], ["echo Paris"])
    assert (alone.outcome, alone.detail, alone.attempts) == ("failed", NO_NUMBER, 0) and not server.received
    (told,) = [record.message for record in caplog.records]
    assert told == f"expert a: first query that failed ({NO_NUMBER})"
    group = [endpoint(server.base_url, "a", conduct=WRONG), endpoint(server.base_url, "b", conduct=WRONG)]
    (neither,) = ask(group, ["echo Paris"])
    assert (neither.outcome, neither.attempts, neither.tokens) == ("failed", 2, 14)


def test_the_cache_holds_what_was_said_and_serves_any_conduct(server: ExpertServer, tmp_path: Path) -> None:
    honest, wrong = endpoint(server.base_url), endpoint(server.base_url, conduct=WRONG)
    (first,) = ask([wrong], ["echo 4+7=1"], cache_dir=tmp_path)
    (second,) = ask([honest], ["echo 4+7=1"], cache_dir=tmp_path)
    (third,) = ask([wrong], ["echo 4+7=1"], cache_dir=tmp_path)
    assert (second.text, second.cached, third.cached) == ("4+7=1", True, True) and third.text == first.text != "4+7=1"
    assert len(server.received) == 1
