"""Finding the box that answers."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.boxes import boxed_answer, final_part, is_placeholder, last_box
from tests.responses import HOSTILE

PLACEHOLDERS = [
    "", " ", "\n", "{}", r"\text{}", r"\,", r"\quad", "~", "...", r"\ldots", r"\dots", "…", "?", "___", r"\_\_",
    r"\square", r"\Box", r"\phantom{25}", r"\hspace{1cm}", "\u200b", r"\boxed{}", "answer", r"\text{answer}",
    r"\mathrm{ANSWER}", r"\text{your final answer here}", "<answer>", r"\text{[final answer]}", "*",
    r"\langle answer\rangle", r"\text{Put your answer here.}", r"\text{number}", r"\cdot",
    "\\ ", r"\#", "#", "XXX", r"\checkmark", "✓", "QED", r"\vdots", r"\rule{1cm}{0.4pt}", r"\underline{\hspace{2cm}}",
    r"\text{numeric value}", r"\text{single integer}", r"\text{your answer as an integer}", "答案", "你的答案", "ответ",
    "réponse", "respuesta", "Antwort", "letter", "the option", r"\text{choice}", "… is a …, … is a …", ",",
]  # fmt: skip
ANSWERS = [
    "0",
    "x",
    "-",
    r"\emptyset",
    r"\text{none}",
    r"\text{no solution}",
    r"\frac{1}{2}",
    "n",
    "2 answers",
    "１",
    "right",
    "1,2",
]

contents = st.recursive(
    st.text(alphabet="ab1 ", max_size=5), lambda inner: inner.map(lambda one: f"x{{{one}}}y"), max_leaves=8
)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\\boxed{1}</think> so \\boxed{\\frac{1}{2}} and \\boxed{ 042 }", " 042 "),
        ("<think>\\boxed{1}</think> no", None),
        ("\\boxed{1} then \\boxed{2", "1"),
        ("\\boxed{\\boxed{5}}", "\\boxed{5}"),
        ("{ \\boxed{5} } \\fbox {6}", "6"),
        ("\\boxed 5", None),
        ("\\boxed{5\\}", None),
        ("\\\\\\boxed{5}", "5"),
        ("\\fbox{5} and \\boxed{6", "5"),
        ("a box", None),
    ],
)
def test_the_last_balanced_box_after_thinking_answers(text: str, content: str | None) -> None:
    assert boxed_answer(text) == content


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_is_no_answer_and_unmakes_none(placeholder: str) -> None:
    assert is_placeholder(placeholder)
    assert boxed_answer(f"\\boxed{{25}}. I have put it within \\boxed{{{placeholder}}}.") == "25"
    assert boxed_answer(f"\\boxed{{{placeholder}}}") is None
    assert last_box(f"\\boxed{{{placeholder}}}") == placeholder


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_answers_is_no_placeholder(answer: str) -> None:
    assert not is_placeholder(answer) and boxed_answer(f"\\boxed{{25}} \\boxed{{{answer}}}") == answer


def test_a_placeholder_around_others_is_passed_over_as_a_whole() -> None:
    assert boxed_answer("\\boxed{25} \\boxed{\\boxed{} \\text{answer \\boxed{ }}}") == "25"


@given(contents)
def test_a_balanced_box_gives_back_its_content(content: str) -> None:
    assert last_box(f"a}} {{ \\boxed{{{content}}} b") == content


@given(st.text(alphabet="\\{}boxedf25, .?\n", max_size=60))
def test_an_answer_is_the_content_of_a_box_and_no_placeholder(text: str) -> None:
    answer = boxed_answer(text)
    assert (answer is None) == (last_box(final_part(text)) is None or is_placeholder(last_box(final_part(text)) or ""))
    assert answer is None or f"{{{answer}}}" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_is_linear(name: str) -> None:
    # Quadratic time would take hours; the processor's time is bounded, since the machine may be busy.
    began = time.process_time()
    boxed_answer(HOSTILE[name])
    assert time.process_time() - began < 5.0
