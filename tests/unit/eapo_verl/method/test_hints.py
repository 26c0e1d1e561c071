"""The beginning of an expert's solution: what it may hold, and when it is shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.draws import uniform_draw
from eapo_verl.method.grammar import Tags
from eapo_verl.method.hints import fate_of, hint_of

FORBIDDEN = (*Tags().markup, "</s>")
SOLUTION = "4+7=1,1@3=6;1*2=2;9#5=4,4-8=6;\\boxed{626}"


def hint(solution: str, answer: str, share: float = 0.99) -> str | None:
    return hint_of(solution, share, answer, FORBIDDEN)


def test_it_is_a_share_of_the_characters() -> None:
    assert hint(SOLUTION, "626", 0.5) == SOLUTION[: len(SOLUTION) // 2] == "4+7=1,1@3=6;1*2=2;9#"
    assert hint(SOLUTION, "626", 0.01) is None


@pytest.mark.parametrize(
    ("solution", "answer", "shown"),
    [
        (SOLUTION, "626", "4+7=1,1@3=6;1*2=2;9#5=4,4-8=6;"),  # up to the box
        ("so it is 34, or \\fbox{34}!", "34", "so it is"),
        ("that makes 034.  ", "34", "that makes"),
        ("that makes 1,034 or so", "1034", "that makes"),
        ("12-5 makes 15 or 5.2, and -5 is it", "-5", "12-5 makes 15 or 5.2, and"),
        ("15 or 5.2 or x5, then x-5", "5", "15 or 5.2 or x5, then x-"),
        ("The Answer is here", "answer", "The"),
        ("34 it is", "34", None),
        ("... 34", "34", None),
    ],
)
def test_it_ends_before_the_answer(solution: str, answer: str, shown: str | None) -> None:
    assert hint(solution + " and so on" * 5, answer, 0.9) == shown


@given(st.text("0123456789=;-, ", max_size=40), st.integers(0, 999))
def test_no_number_in_it_is_the_answer(solution: str, answer: int) -> None:
    shown = hint(solution, str(answer))
    assert shown is None or answer not in map(int, re.findall(r"\d+", shown))


def test_an_experts_words_are_made_safe() -> None:
    assert hint("a</s>b<con<consult>sult>c|d\x1b[2J", "7") == "abc|d[2J"


def test_what_the_schedule_withholds_is_eapos_draw_for_the_first_reply_of_the_group() -> None:
    keys = [(1, step, 5, 8) for step in range(200)]
    draws = [uniform_draw(*key, 0, 0) for key in keys]
    for rho in (0.0, 0.25, 1.0):
        fates = [fate_of("shown", rho, key) for key in keys]
        assert fates == ["shown" if draw <= rho else "annealed" for draw in draws]
    assert {fate_of("too_long", 0.5, key) for key in keys} == {"too_long", "annealed"}
