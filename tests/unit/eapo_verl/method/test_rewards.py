"""Training rewards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.rewards import REWARDS, exact, f1, f1_paper, score, token_f1
from eapo_verl.settings.run import Overlong
from tasks import task
from tests.responses import RIGHT, UNANSWERED, WRONG

INTEGERS = task("integers")

words = st.lists(st.sampled_from(["5", "-5", "3", "7", "the", "A", "an", "x", "\\frac{1}{2}", "!"]), max_size=6).map(
    " ".join
)


@pytest.mark.parametrize(
    ("response", "answer", "reward"),
    [
        *((response, answer, 1.0) for response, answer in RIGHT),
        *((response, answer, 0.0) for response, answer, _ in WRONG),
        *((response, "25", 0.0) for response in UNANSWERED),
        ("\\boxed{2,3}", "23", 0.0),
        ("\\boxed{2,5}", "25", 0.0),
        ("\\boxed{100\\text{ square units}}", "100", 1.0),
        ("\\boxed{\\textbf{(051)}}", "51", 1.0),
        ("\\boxed{25.0}", "25", 1.0),
        ("\\boxed{25}. I have put it within \\boxed{}.", "25", 1.0),
        ("4+7=1;\\boxed{034}", "34", 1.0),
        ("\\boxed{-5}", "5", 0.0),
        ("\\boxed{34} or \\boxed{35}", "34", 0.0),
        ("\\boxed{" + "9" * 5000 + "}", "34", 0.0),
    ],
)
def test_training_pays_what_the_evaluation_grades_as_right(response: str, answer: str, reward: float) -> None:
    points = score(INTEGERS, response, answer, "exact")
    grade = INTEGERS.grade(response, answer)
    assert points["score"] == points["acc"] == float(grade.correct) == exact(INTEGERS, response, answer) == reward
    assert points["answered"] == float(not grade.unanswered)


def test_a_task_may_pay_for_more_than_the_grade() -> None:
    class Partly(type(INTEGERS)):  # type: ignore[misc]
        def reward(self, response: str, answer: str) -> float:
            return 0.5

    points = score(Partly(), "\\boxed{3}", "5", "exact")
    assert (points["score"], points["acc"]) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("prediction", "answer", "f1"),
    [
        ("34", "34", 1.0),
        ("The  Eiffel Tower!", "eiffel tower", 1.0),
        ("-5", "5", 1.0),
        ("3 5 7", "5", 0.5),
        ("034", "34", 0.0),
        ("5 5", "5", 2 / 3),
        ("3,5", "35", 1.0),
        ("", "34", 0.0),
        ("the", "34", 0.0),
        ("", "", 0.0),
    ],
)
def test_token_f1(prediction: str, answer: str, f1: float) -> None:
    assert token_f1(prediction, answer) == pytest.approx(f1)


@given(words, words)
def test_token_f1_is_symmetric_and_one_for_the_same_tokens(a: str, b: str) -> None:
    assert 0.0 <= token_f1(a, b) == token_f1(b, a) <= 1.0
    assert token_f1(a, a) in (0.0, 1.0)


@pytest.mark.parametrize(
    ("response", "answer", "reward"),
    [
        ("\\boxed{34}", "34", 1.0),
        ("\\boxed{5}", "-5", 1.0),
        ("\\boxed{3 5 7}", "5", 0.5),
        ("\\boxed{034}", "34", 0.1),
        ("\\boxed{35}", "34", 0.1),
        ("\\boxed{}", "34", 0.1),
        ("\\boxed{35} or \\boxed{34}", "34", 1.0),
        ("34", "34", 0.0),
        ("Answer: 34", "34", 0.0),
        ("\\boxed{34", "34", 0.0),
        ("\\boxed{34}</think>", "34", 0.0),
        ("", "34", 0.0),
    ],
)
def test_the_papers_reward_as_published(response: str, answer: str, reward: float) -> None:
    assert f1_paper(INTEGERS, response, answer) == pytest.approx(reward)


@given(words, words)
def test_the_papers_reward_is_f1_or_the_format_credit(stated: str, answer: str) -> None:
    shared, response = token_f1(stated, answer), f"so \\boxed{{{stated}}}"
    assert f1_paper(INTEGERS, response, answer) == (shared if shared > 0 else 0.1)
    # And without the credit it is F1 alone.
    assert f1(INTEGERS, response, answer) == shared and f1(INTEGERS, stated, answer) == 0.0


@given(st.text(max_size=60), st.integers(-999, 999))
def test_every_reward_of_any_text_is_between_0_and_1(response: str, answer: int) -> None:
    for reward in REWARDS.values():
        assert 0.0 <= reward(INTEGERS, response, str(answer)) <= 1.0
        assert 0.0 <= reward(INTEGERS, f"\\boxed{{{response}}}", str(answer)) <= 1.0


def test_an_empty_turn_earns_nothing() -> None:
    assert score(INTEGERS, "", "34", "exact") == {
        "score": 0.0, "acc": 0.0, "answered": 0.0, "format": 0.0, "outcome": "unanswered"
    }  # fmt: skip


@pytest.mark.parametrize(("reward", "points"), [("exact", 0.0), ("f1_paper", 1.0)])
def test_the_run_names_its_reward_and_accuracy_is_always_exact(reward: str, points: float) -> None:
    assert score(INTEGERS, "\\boxed{5}", "-5", reward) == {
        "score": points, "acc": 0.0, "answered": 1.0, "format": 1.0, "outcome": "wrong"
    }  # fmt: skip


def test_an_empty_box_has_the_format_and_answers_nothing() -> None:
    assert score(INTEGERS, "\\boxed{}", "5", "f1_paper") == {
        "score": 0.1, "acc": 0.0, "answered": 0.0, "format": 1.0, "outcome": "unanswered"
    }  # fmt: skip


def test_a_box_without_an_integer_has_the_format() -> None:
    assert score(INTEGERS, "\\boxed{x}", "5", "f1_paper") == {
        "score": 0.1, "acc": 0.0, "answered": 1.0, "format": 1.0, "outcome": "unreadable"
    }  # fmt: skip


@pytest.mark.parametrize(("tokens", "reward"), [(0, 0.0), (80, 0.0), (81, -0.025), (90, -0.25), (100, -0.5)])
def test_the_penalty_for_length_is_dapos(tokens: int, reward: float) -> None:
    assert Overlong(penalty=0.5).reward(tokens, 100) == pytest.approx(reward)
