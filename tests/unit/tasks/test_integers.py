"""Grading problems whose answer is an integer."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import Grade, task
from tests.responses import HOSTILE, RIGHT, RIGHT_BY_RULE, UNANSWERED, WRONG

INTEGERS = task("integers")
# Whether a call is quick depends on the machine.
untimed = settings(deadline=None, max_examples=50)


@pytest.mark.parametrize(("response", "answer"), RIGHT)
def test_right(response: str, answer: str) -> None:
    assert INTEGERS.grade(response, answer) == Grade(str(int(answer)), True, False)


@pytest.mark.parametrize(("response", "answer", "extracted"), WRONG)
def test_answered_and_wrong(response: str, answer: str, extracted: str) -> None:
    outcome = "wrong" if re.fullmatch("-?[0-9]{1,18}", extracted) else "unreadable"
    assert INTEGERS.grade(response, answer) == Grade(extracted, False, False, outcome)


@pytest.mark.parametrize("response", UNANSWERED)
def test_unanswered(response: str) -> None:
    assert INTEGERS.grade(response, "25") == Grade(None, False, True)


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("25", "25"), ("025", "25"), ("25.0", "25"), ("-3", "-3"), ("+7", "7"), (" 25\n", "25"), ("1,024", "1024"),
        ("0,025", "25"), ("25^\\circ", "25"), ("25^{\\circ}", "25"), ("25°", "25"), ("-0", "0"), ("0000", "0"),
        ("9" * 18, "9" * 18), ("0" * 5000 + "7", "7"),
    ],
)  # fmt: skip
def test_a_reference_answer_has_one_normal_form(answer: str, normal: str) -> None:
    assert INTEGERS.normalise(answer) == INTEGERS.normalise(normal) == normal
    assert INTEGERS.grade(f"\\boxed{{{normal}}}", answer).correct


@pytest.mark.parametrize(
    "answer",
    [
        "", " ", "x", "2.5", "1" * 19, "10x - 4y - 5z - 20 = 0", "x = 5", "25 cm", "\\boxed{25}", "$25$", "\\text{25}",
        "25\\%", "1/2", "2 5", "1,02", "1,0245", "٣", "1e2", "--5", "7 or 8", "25, 26", "(25)", "25 (mod 7)", "25.",
        "25\u200b",
    ],
)  # fmt: skip
def test_another_reference_answer_is_refused_in_one_line(answer: str) -> None:
    for asked in (lambda: INTEGERS.normalise(answer), lambda: INTEGERS.grade("\\boxed{25}", answer)):
        with pytest.raises(ValueError, match="is not an integer of at most 18 digits") as refused:
            asked()
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_equations_are_not_graded_by_their_right_sides() -> None:
    with pytest.raises(ValueError, match="10x - 4y"):
        INTEGERS.grade("\\boxed{11x + 6y + 5z + 86 = 0}", "10x - 4y - 5z - 20 = 0")


def test_what_is_long_is_shown_shortened_and_stays_wrong() -> None:
    shown = INTEGERS.extract("\\boxed{25" + " cm" * 200 + " x}")
    assert shown is not None and len(shown) == 80 and shown.endswith("…")
    assert not INTEGERS.grade(f"\\boxed{{{shown}}}", "25").correct


@untimed
@given(st.integers(-(10**17), 10**17), st.text(max_size=40), st.integers(0, 5))
def test_any_integer_is_read_back_from_any_surrounding(value: int, text: str, zeros: int) -> None:
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    before = text.replace("\\", "")
    got = INTEGERS.grade(f"{before}\\boxed{{{sign}{'0' * zeros}{digits}}}", str(value))
    assert got == Grade(str(value), True, False)


@untimed
@given(st.text(alphabet="\\{}boxedf25, .=^$\x00\n", max_size=60) | st.sampled_from([one for one, *_ in RIGHT + WRONG]))
def test_extraction_and_grade_agree(response: str) -> None:
    result, stated = INTEGERS.grade(response, "25"), INTEGERS.extract(response)
    assert (result.extracted, result.correct, result.unanswered) == (stated, stated == "25", stated is None)
    assert (result.outcome == "right", result.outcome == "unanswered") == (result.correct, result.unanswered)
    assert INTEGERS.reward(response, "25") == float(result.correct)


@untimed
@given(st.sampled_from([one for one, *_ in RIGHT + WRONG]))
def test_what_was_extracted_is_extracted_again(response: str) -> None:
    stated = INTEGERS.extract(response)
    assert INTEGERS.extract(f"\\boxed{{{stated}}}") == stated


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_responses_are_graded_in_linear_time(name: str) -> None:
    # Quadratic time would take hours, and int() of a million digits raises; the processor's time is bounded, since
    # the machine may be busy.
    began = time.process_time()
    assert INTEGERS.grade(HOSTILE[name], "25").correct == (name in RIGHT_BY_RULE)
    assert time.process_time() - began < 5.0
