"""Training rewards."""

import pytest

from analysis.grading import grade
from eapo_verl.rewards import compute_score, exact


@pytest.mark.parametrize(
    ("response", "answer", "reward"),
    [
        ("4+7=1;\\boxed{034}", "34", 1.0),
        ("\\boxed{34}", "034", 1.0),
        ("\\boxed{1,024}", "1024", 1.0),
        ("\\boxed{-5}", "5", 0.0),
        ("34", "34", 0.0),
        ("\\boxed{34} or \\boxed{35}", "34", 0.0),
        ("\\boxed{3 4}", "34", 0.0),
        ("\\boxed{" + "9" * 5000 + "}", "34", 0.0),
        ("", "34", 0.0),
    ],
)
def test_exact(response: str, answer: str, reward: float) -> None:
    assert exact(response, answer) == reward


@pytest.mark.parametrize("response", ["\\boxed{034}", "\\boxed{35}", "no box", "\\boxed{7} </think> \\boxed{34}"])
def test_reward_and_evaluation_agree_where_both_rules_apply(response: str) -> None:
    assert bool(exact(response, "34")) == grade(response, "34").correct


def test_an_experts_answer_is_not_the_policys() -> None:
    text = "<consult>q</consult><reply>\\boxed{34}</reply>"
    score = compute_score("train", text, "34", {"final_turn": ""})
    assert score == {"score": 0.0, "acc": 0.0, "answered": 0.0}
