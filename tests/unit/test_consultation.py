"""The action grammar."""

from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.consultation import (
    Answer,
    Consult,
    Continue,
    Tags,
    extract_answer,
    format_replies,
    neutralise,
    parse_action,
)

TAGS = Tags()
pieces = st.lists(
    st.sampled_from([*TAGS.markup, TAGS.separator, "\\boxed{", "{", "}", "7", " ", "</think>", "<think>", "x"]),
    max_size=30,
).map("".join)


def test_a_closed_consultation_is_its_queries() -> None:
    assert parse_action("<consult>4+7@3|9#5-8</consult>") == Consult(("4+7@3", "9#5-8"))


def test_empty_duplicated_and_excess_queries_are_counted_not_asked() -> None:
    action = parse_action("<consult>a||a| b |c|d</consult>", max_queries=2)
    assert action == Consult(("a", "b"), empty=1, duplicated=1, excess=2)


def test_a_consultation_without_queries_is_still_closed() -> None:
    assert parse_action("<consult></consult>") == Consult((), empty=1)


def test_nested_opening_starts_anew() -> None:
    assert parse_action("<consult>a<consult>b</consult>") == Consult(("b",))


def test_unclosed_consultation_goes_on() -> None:
    assert parse_action("<consult>a|b") == Continue(unclosed_consultation=True)
    assert parse_action("b</consult>") == Continue()


def test_the_last_closed_action_counts() -> None:
    assert parse_action("<consult>a</consult>\\boxed{3}") == Answer("3")
    assert parse_action("\\boxed{3}<consult>a</consult>") == Consult(("a",))


def test_consulting_while_thinking() -> None:
    assert parse_action("<think>hard <consult>q</consult>") == Consult(("q",))


def test_the_last_balanced_box_after_thinking_is_the_answer() -> None:
    assert extract_answer("\\boxed{1}</think> so \\boxed{\\frac{1}{2}} and \\boxed{ 042 }") == " 042 "
    assert extract_answer("<think>\\boxed{1}</think> no") is None
    assert extract_answer("\\boxed{1} then \\boxed{2") == "1"
    assert extract_answer("\\boxed{\\boxed{5}}") == "\\boxed{5}"


@given(pieces)
def test_any_text_is_one_of_the_three_actions(text: str) -> None:
    action = parse_action(text, max_queries=3)
    assert isinstance(action, Consult | Answer | Continue)
    if isinstance(action, Consult):
        assert len(action.queries) <= 3 and len(set(action.queries)) == len(action.queries)
        assert all(query and TAGS.separator not in query for query in action.queries)


@given(pieces)
def test_neutralised_text_carries_no_markup(text: str) -> None:
    safe = neutralise(text, [*TAGS.markup, "</think>"], TAGS.separator, max_characters=40)
    assert not any(tag in safe for tag in (*TAGS.markup, "</think>", TAGS.separator))
    assert len(safe) <= 40


def test_neutralising_does_not_form_what_it_removes() -> None:
    assert neutralise("<con<consult>sult>5", TAGS.markup, "|", 100) == "5"


def test_slots_stand_in_order_and_what_is_not_shown_looks_the_same() -> None:
    assert format_replies(["1+1=2", None, "3"]) == "<reply>1+1=2|unavailable|3</reply>"


def test_a_megabyte_of_braces_is_read_once() -> None:
    assert extract_answer("{" * 500_000 + "\\boxed{7}" + "}" * 500_000) == "7"
