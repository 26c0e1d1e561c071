"""Experts that show a part of their words: what that is, what becomes of the rest, and whoever asks."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from eapo_verl.experts.reply import Reply
from eapo_verl.experts.shown import NOTHING_TO_SHOW, part_shown
from eapo_verl.settings.base import Conduct
from eapo_verl.settings.identity import identity
from tests.expert_pool import ask, endpoint
from tests.expert_server import ExpertServer

#: A digit behind =, or a box: config/results_only.yaml's.
RESULT = r"\\boxed\{[0-9]+\}|=([0-9])"
BOX = r"\\boxed\{.*\}"
CHAIN = "4+7=1,1@3=6"


def said(text: str) -> Reply:
    return Reply("a", "answered", text, 7, 11, 0.5, 1, flops=3.0)


@pytest.mark.parametrize(
    ("shows", "text", "part"),
    [
        (RESULT, CHAIN, "6"),
        (RESULT, "4+7=1,1@3=6;1*2=2;9#5=4,4-8=6;\\boxed{626}", r"\boxed{626}"),
        (BOX, "Half is \\boxed{24}.\nSo, in all,\n\\boxed{\\frac{3}{4}}", r"\boxed{\frac{3}{4}}"),
        (r"(?<=Answer: ).*", "Answer: 3, no.\nAnswer: 5", "5"),
        (r"Answer: (\w+)|Final: (\w+)", "Answer: 3\nFinal: 5", "5"),
        # The last match would be of nothing at the end.
        (r"[^\n]*", "Some steps.\n42", "42"),
        # What stands in the thoughts is none, and neither are they.
        (BOX, "<think>First \\boxed{1}, then \\boxed{9}.</think>It is \\boxed{2}.", r"\boxed{2}"),
        (r"(?s).+", "<think>Hard.</think>It is \\boxed{2}.", r"It is \boxed{2}."),
    ],
)
def test_shown_is_the_last_match_outside_the_thoughts(shows: str, text: str, part: str) -> None:
    assert part_shown(shows, said(text)) == replace(said(text), text=part)


@pytest.mark.parametrize(
    ("shows", "text"),
    [
        (RESULT, "I do not know."),
        (RESULT, "= \\boxed{}"),
        (BOX, "<think>It is \\boxed{2}.</think>It is 2."),
        (BOX, "<think>It is \\boxed{2}."),
        (r"Answer:(.*)", "Answer: "),
    ],
)
def test_a_reply_of_which_there_is_nothing_to_show_has_failed_and_is_paid_for(shows: str, text: str) -> None:
    assert part_shown(shows, said(text)) == replace(said(text), outcome="failed", text="", detail=NOTHING_TO_SHOW)


def test_of_a_reply_that_was_cut_the_last_match_is_no_result() -> None:
    assert part_shown(RESULT, replace(said(CHAIN), capped=True)).outcome == "failed"


@pytest.mark.parametrize("shows", [None, RESULT])
def test_what_is_no_answer_stays_what_it_is(shows: str | None) -> None:
    for reply in (Reply("a", "truncated", tokens=40), Reply("a", "timed_out", attempts=1, detail="request timeout")):
        assert part_shown(shows, reply) == reply


def test_whoever_shows_all_is_quoted_as_it_is() -> None:
    thoughtful = replace(said(f"<think>{CHAIN}</think>6"), capped=True)
    assert part_shown(None, thoughtful) == thoughtful


@settings(max_examples=60)
@given(st.text(alphabet="0123456789=,;\\boxed{}<think/>\n ", max_size=60))
def test_of_any_text_there_is_a_result_or_nothing(text: str) -> None:
    reply = part_shown(RESULT, said(text))
    box = reply.text.removeprefix("\\boxed{").removesuffix("}")
    assert (reply.outcome, reply.text) == ("failed", "") or (reply.text in text and box.isascii() and box.isdigit())


@pytest.mark.parametrize("unit", ["=", "=1", "\\boxed{", "\\boxed{1"])
def test_a_long_reply_takes_time_in_proportion_to_its_length(unit: str) -> None:
    begun = time.process_time()
    part_shown(RESULT, said(unit * (60_000 // len(unit))))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("shows", ["(", "a{2}{3}", "(?P<1>a)", "", 7])
def test_what_is_no_regular_expression_is_refused(shows: str) -> None:
    with pytest.raises(ValidationError, match="shows"):
        endpoint("http://host/v1", shows=shows)


def test_an_expert_that_shows_all_is_who_it_was() -> None:
    plain = endpoint("http://host/v1")
    assert "shows" not in identity(plain)
    assert identity(endpoint("http://host/v1", shows=RESULT)) == identity(plain) | {"shows": RESULT}


@pytest.mark.parametrize("thoughts", [False, True], ids=["consultation", "solutions"])
def test_whoever_asks_the_pool_gets_what_is_shown_at_the_price_of_all(
    server: ExpertServer, tmp_path: Path, thoughts: bool
) -> None:
    query = f"echo <think>1+1=2</think>{CHAIN}"
    expert = endpoint(server.base_url, shows=RESULT, price_per_million_output=1e6)
    (reply,) = ask([expert], [query], journal=tmp_path, thoughts=thoughts)
    assert (reply.text, reply.outcome, reply.tokens, reply.prompt_tokens, reply.cost) == ("6", "answered", 7, 11, 7.0)
    # What was said is kept, for whoever may see it.
    (again,) = ask([expert], [query], journal=tmp_path, thoughts=thoughts)
    (open_one,) = ask([endpoint(server.base_url)], [query], journal=tmp_path, thoughts=thoughts)
    assert (again.text, again.cached, open_one.cached) == ("6", True, True) and open_one.text.endswith(CHAIN)
    assert len(server.received) == 1


def test_where_one_has_nothing_to_show_another_expert_is_asked_and_the_log_says_so(
    server: ExpertServer, caplog: pytest.LogCaptureFixture
) -> None:
    hidden = [endpoint(server.base_url, name, shows=RESULT) for name in ("a", "b")]
    (neither,) = ask(hidden, ["echo no idea"])
    assert (neither.outcome, neither.detail, neither.attempts, neither.tokens) == ("failed", NOTHING_TO_SHOW, 2, 14)
    assert sorted(record.message for record in caplog.records) == [
        f"expert {name}: first query that failed ({NOTHING_TO_SHOW})" for name in ("a", "b")
    ]
    (other,) = ask([hidden[0], endpoint(server.base_url, "b")], ["echo no idea"])
    assert (other.expert, other.text) == ("b", "no idea")


@pytest.mark.parametrize("kind", ["wrong", "another_problem", "sub_question"])
def test_what_is_spoiled_is_what_is_shown(server: ExpertServer, kind: str) -> None:
    (reply,) = ask([endpoint(server.base_url, shows=RESULT, conduct=Conduct(kind=kind))], [f"echo {CHAIN}"])
    assert len(reply.text) == 1 and reply.text.isdigit() and (reply.text == "6") == (kind == "sub_question")
