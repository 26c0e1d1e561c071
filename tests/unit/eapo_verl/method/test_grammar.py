"""The action grammar."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eapo_verl.method.grammar import (
    FAULTS,
    Answer,
    Consult,
    Continue,
    Neutralised,
    Tags,
    format_replies,
    neutralise,
    neutralise_turn,
    parse_action,
)
from tasks.boxes import boxed_answer

TAGS = Tags()
grammar = [
    *TAGS.markup,
    TAGS.separator,
    "\\boxed{",
    "\\fbox {",
    "{",
    "}",
    "\\",
    "</think>",
    "<think>",
    "\nAnswer: ",
    "$",
]
odd = ["7", " ", "x", ".", "\n", "\t", "\r", "\x00", "\x85", "\ud800", "<", "<con", "sult>", "</"]
pieces = st.lists(st.sampled_from([*grammar, *odd]) | st.text(max_size=3), max_size=30).map("".join)


def test_a_closed_consultation_is_its_queries() -> None:
    assert parse_action("<consult>4+7@3|9#5-8</consult>") == Consult(("4+7@3", "9#5-8"))


def test_empty_duplicated_and_excess_queries_are_counted_not_asked() -> None:
    action = parse_action("<consult>a||a| b |c|d</consult>", max_queries=2)
    assert action == Consult(("a", "b"), empty=1, duplicated=1, excess=2)


def test_a_consultation_without_queries_is_still_closed() -> None:
    assert parse_action("<consult></consult>") == Consult((), empty=1)


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b\u2060", "?", "...|!|", "\u200b|\u200b", "|||"])
def test_a_query_without_a_letter_or_a_digit_asks_nothing(text: str) -> None:
    action = parse_action(f"<consult>{text}</consult>")
    assert isinstance(action, Consult) and action.queries == () and action.empty == text.count("|") + 1


def test_letters_and_digits_of_any_script_ask_something() -> None:
    for query in ("7", "x?", "как", "数", "π"):
        assert parse_action(f"<consult>{query}|{query}</consult>") == Consult((query,), duplicated=1)


def test_nested_opening_starts_anew_and_is_counted() -> None:
    assert parse_action("<consult>a<consult>b</consult>") == Consult(("b",), nested=1)
    assert parse_action("<consult>a</consult> then <consult><consult><consult>b</consult>") == Consult(("b",), nested=2)
    assert parse_action("<consult>a</consult><consult>b</consult>") == Consult(("b",))


def test_a_closing_tag_that_closes_nothing_is_part_of_no_query() -> None:
    assert parse_action("<consult>a</consult> b</consult>") == Consult(("a",))
    assert parse_action("<consult>a</consult> \\boxed{3}</consult>") == Answer("3")
    assert parse_action("a</consult>") == Continue()


def test_what_is_wrong_with_a_form_is_counted_fault_by_fault() -> None:
    assert parse_action("<consult><consult>a||a|b|c", max_queries=2) == Continue(unclosed_consultation=True)
    action = parse_action("<consult><consult>a||a|b|c</consult>", max_queries=2)
    assert action == Consult(("a", "b"), empty=1, duplicated=1, excess=1, nested=1)
    assert [getattr(action, fault) for fault in FAULTS] == [1, 1, 1, 1]
    assert [getattr(Consult(("a",)), fault) for fault in FAULTS] == [0, 0, 0, 0]


def test_unclosed_consultation_goes_on() -> None:
    assert parse_action("<consult>a|b") == Continue(unclosed_consultation=True)
    assert parse_action("b</consult>") == Continue()


def test_the_last_closed_action_counts() -> None:
    assert parse_action("<consult>a</consult>\\boxed{3}") == Answer("3")
    assert parse_action("\\boxed{3}<consult>a</consult>") == Consult(("a",))


def test_consulting_while_thinking() -> None:
    assert parse_action("<think>hard <consult>q</consult>") == Consult(("q",))


def test_the_last_balanced_box_after_thinking_is_the_answer() -> None:
    assert parse_action("\\boxed{1}</think> so \\boxed{\\frac{1}{2}} and \\boxed{ 042 }") == Answer(" 042 ")
    assert parse_action("<think>\\boxed{1}</think> no") == Continue()
    assert parse_action("\\boxed{34}, which I put within \\boxed{}.") == Answer("34")
    assert parse_action("I will put it within \\boxed{}.") == Continue()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so\nAnswer: 34", "34"),
        ("so\n  ANSWER:  $34$.  \n\n", "34"),
        ("Answer: $3.5$", "3.5"),
        ("<think>Answer: 1</think>\nAnswer: 2", "2"),
        ("<consult>q</consult>\nanswer: 5", "5"),
        ("Answer: 34\n\\boxed{35}", "35"),
        ("\\boxed{35}\nAnswer: 34", "35"),
    ],
)
def test_a_plain_answer_is_the_last_line_where_there_is_no_box(text: str, answer: str) -> None:
    assert parse_action(text) == Answer(answer)


@pytest.mark.parametrize("text", ["Answer: 34\nwait", "Answer: $.$", "Answer:", "The Answer: 3", "Answer: 3</think>"])
def test_a_line_elsewhere_or_without_content_is_no_answer(text: str) -> None:
    assert parse_action(text) == Continue()


def test_a_plain_answer_does_not_swallow_a_consultation() -> None:
    assert parse_action("Answer: 3 <consult>is it?</consult>") == Consult(("is it?",))
    assert parse_action("Answer: 3 <consult>is it?") == Continue(unclosed_consultation=True)


def test_the_prefix_and_the_tags_can_be_others() -> None:
    tags = Tags(
        consult_open="[ask]",
        consult_close="[/ask]",
        separator="\n",
        reply_open="[got]",
        reply_close="[/got]",
        unavailable="none",
        answer_prefix="Final answer is",
    )
    assert parse_action("[ask]a\nb[/ask]", tags) == Consult(("a", "b"))
    assert parse_action("final answer is 7", tags) == Answer("7")
    assert format_replies(["x", None], tags) == "[got]x\nnone[/got]"


@pytest.mark.parametrize(
    "strings",
    [
        {"consult_open": ""},
        {"consult_open": "<reply>"},
        {"consult_open": "<t>", "reply_open": "<t><u>"},
        {"separator": ">"},
        {"separator": "<reply>|"},
        {"unavailable": "no|thing"},
    ],
)
def test_ambiguous_tags_are_refused_in_one_line(strings: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Tags(**strings)
    (error,) = caught.value.errors()
    assert "\n" not in error["msg"] and ("told apart" in error["msg"] or error["loc"] == ("consult_open",))


def test_asking_for_no_query_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="max_queries"):
        parse_action("", max_queries=0)


@given(pieces)
def test_a_boxed_answer_is_the_one_that_the_evaluation_reads(text: str) -> None:
    action, boxed = parse_action(text), boxed_answer(text)
    if boxed is not None and TAGS.consult_close not in text:
        assert action == Answer(boxed)


@given(pieces)
def test_any_text_is_one_of_the_three_actions(text: str) -> None:
    action = parse_action(text, max_queries=3)
    assert isinstance(action, Consult | Answer | Continue)
    if isinstance(action, Consult):
        assert len(action.queries) <= 3 and len(set(action.queries)) == len(action.queries)
        assert all(query and TAGS.separator not in query for query in action.queries)
        assert min(getattr(action, fault) for fault in FAULTS) >= 0


@given(pieces, st.sampled_from(["|", "||", "<>", " ", ", "]))
def test_neutralised_text_carries_no_markup(text: str, separator: str) -> None:
    forbidden = [*TAGS.markup, "</think>", "sult", ""]
    safe = neutralise(text, forbidden, separator, max_characters=40)
    assert not any(word in safe.text for word in (*forbidden[:-1], separator))
    assert len(safe.text) <= 40 and safe.text == safe.text.strip() and safe.capped == (len(text) > 40)
    assert not any(character < " " and character not in "\n\t" for character in safe.text)
    safe.text.encode()


@given(st.text(st.characters(categories=["L", "N", "P"], exclude_characters="<>|")))
def test_harmless_text_is_left_alone(text: str) -> None:
    assert neutralise(text, TAGS.markup, TAGS.separator, 1000) == Neutralised(text, removed=False, capped=False)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("<con<consult>sult>5", Neutralised("5", removed=True, capped=False)),
        ("<con\x00sult>5", Neutralised("5", removed=True, capped=False)),
        ("a\tb\nc\r\x1b[2J", Neutralised("a\tb\nc[2J", removed=True, capped=False)),
        ("2|3", Neutralised("2 3", removed=False, capped=False)),
        ("5" * 101, Neutralised("5" * 100, removed=False, capped=True)),
        ("\ud800", Neutralised("?", removed=False, capped=False)),
    ],
)
def test_what_was_done_to_a_reply_is_known(text: str, safe: Neutralised) -> None:
    assert neutralise(text, TAGS.markup, "|", 100) == safe


def test_a_separator_formed_by_removal_is_removed() -> None:
    assert neutralise("1|<consult>|2", TAGS.markup, "||", 100) == Neutralised("12", removed=True, capped=False)


@pytest.mark.parametrize(
    ("slots", "safe"),
    [
        (["<", "im_end", ">"], ["", "", ""]),
        (["4<", "im_end", ">2"], ["4", "", "2"]),
        (["<", None, "im_end", ">"], ["<", None, "im_end", ">"]),
        (["<", "im_start", "im_end", "> 7"], ["<", "im_start", "im_end", "> 7"]),
        (["<", "<", "im_end", ">im_end", ">"], ["<", "", "", "im_end", ">"]),
        (["a|b", "c"], ["a|b", "c"]),
        (["im_end", None], ["im_end", None]),
        ([None], [None]),
        ([], []),
    ],
)
def test_slots_make_no_token_together(slots: list[str | None], safe: list[str | None]) -> None:
    assert neutralise_turn(slots, [*TAGS.markup, "<|im_end|>", "<|x"], TAGS) == safe


def test_what_is_left_of_a_turn_makes_no_token_either() -> None:
    assert neutralise_turn(["<x", "y"], ["x|", "<|"], TAGS) == ["", "y"]


@given(st.lists(st.none() | pieces, max_size=4))
def test_a_turn_holds_no_forbidden_word_but_its_own_tags(slots: list[str | None]) -> None:
    words = [*TAGS.markup, "<|im_end|>", "sult", "t|<", "ply>1", "1</re"]

    def forged(texts: list[str | None]) -> bool:
        turn = format_replies(texts, TAGS)
        inside = turn.removeprefix(TAGS.reply_open).removesuffix(TAGS.reply_close)
        return any(word in inside for word in words) or "ply>1" in turn or "1</re" in turn

    each = [text and neutralise(text, words, TAGS.separator, 40).text for text in slots]
    safe = neutralise_turn(each, words, TAGS)
    assert not forged(safe) and len(safe) == len(slots)
    # Who says nothing dangerous is left alone.
    assert forged(each) or safe == each


def test_slots_stand_in_order_and_what_is_not_shown_looks_the_same() -> None:
    assert format_replies(["1+1=2", None, "3"]) == "<reply>1+1=2|unavailable|3</reply>"


MEGABYTES = {
    "openings": "<consult>" * 110_000,
    "closed openings": "<consult>" * 110_000 + "</consult>",
    "closings": "<consult>" + "</consult>" * 100_000,
    "separators": "<consult>" + "|" * 1_000_000 + "</consult>",
    "queries": "<consult>" + "|".join(map(str, range(150_000))) + "</consult>",
    "almost tags": "<consult" * 125_000,
    "nested tags": "<con" * 111_000 + "sult>" * 111_000,
    "open boxes": "\\boxed{" * 140_000,
    "nested boxes": "\\boxed{" * 120_000 + "}" * 120_000,
    "a box in braces": "{" * 500_000 + "\\boxed{7}" + "}" * 500_000,
    "distant box": "\\boxed" + " " * 1_000_000,
    "boxes with spaces": "\\boxed   " * 110_000,
    "backslashes": "\\" * 1_000_000,
    "thoughts": "</think>" * 125_000,
    "prefixes": "Answer: " * 125_000,
    "lines": "Answer:\n" * 125_000,
    "blank lines": "Answer: 1" + "\n" * 1_000_000,
    "surrogates": "\ud800" * 1_000_000,
    "nulls": "\x00" * 1_000_000,
}


@pytest.mark.parametrize("name", MEGABYTES)
def test_a_hostile_megabyte_costs_no_more_than_its_length(name: str) -> None:
    # Quadratic time would take many minutes; the processor's time is bounded, since the machine may be busy.
    began = time.process_time()
    action = parse_action(MEGABYTES[name])
    neutralise(MEGABYTES[name], [*TAGS.markup, "</think>"], TAGS.separator, max_characters=1_000_000)
    assert isinstance(action, Consult | Answer | Continue)
    assert time.process_time() - began < 5.0
