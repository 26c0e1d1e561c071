"""The dual reward: who earns a bonus, who pays, that both keep their size, and that the answer decides."""

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.objective import Parts, RolloutFacts, shape_group
from eapo_verl.method.rewards import REWARDS, exact
from tasks import task

TASK, GOLD = task("integers"), "-5"
# Right ones that the F1 reward scores low and wrong ones that it scores high among them.
RESPONSES = ("\\boxed{-5}", "\\boxed{-05}", "\\boxed{5}", "\\boxed{3 5 7}", "\\boxed{3}", "\\boxed{}", "none")
weights = st.tuples(st.integers(0, 1000), st.integers(0, 1000)).filter(lambda pair: sum(pair) < 1000)


def grpo(scores: list[float]) -> list[float]:
    """GRPO's advantages as verl computes them: the sample's standard deviation, and a millionth against 0."""
    if len(scores) < 2:
        return scores
    mean, deviation = statistics.fmean(scores), statistics.stdev(scores)
    return [(score - mean) / (deviation + 1e-6) for score in scores]


def of(facts: list[RolloutFacts], bonus: float, cost: float, penalties: list[float] | None = None) -> list[float]:
    """What the rollouts are trained with; ``penalties`` are subtracted from the answers' parts."""
    scores = [fact.answer_score for fact in facts]
    scores = [score - one for score, one in zip(scores, penalties or [0.0] * len(scores), strict=True)]
    return shape_group(facts, grpo(scores), bonus, cost).advantages


@st.composite
def groups(draw: st.DrawFn, least: int = 0) -> list[RolloutFacts]:
    reward = REWARDS[draw(st.sampled_from(sorted(REWARDS)))]

    def rollout() -> RolloutFacts:
        response = draw(st.sampled_from(RESPONSES))
        consultations = draw(st.integers(0, 3))
        queries = draw(st.integers(0, 3)) if consultations else 0
        asked = draw(st.integers(0, queries))
        accepted = draw(st.integers(0, asked))
        low = draw(st.sampled_from([None, False, True])) if asked else None
        right = exact(TASK, response, GOLD) == 1.0
        score = reward(TASK, response, GOLD)
        return RolloutFacts(score, right, consultations, queries, asked, accepted, low)

    return [rollout() for _ in range(draw(st.integers(least, 8)))]


@given(groups(least=2), weights, st.integers(0, 999), st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8))
def test_no_wrong_rollout_is_lifted_above_a_right_one(
    group: list[RolloutFacts], pair: tuple[int, int], most: int, penalties: list[float]
) -> None:
    answers = grpo([fact.answer_score - one for fact, one in zip(group, penalties, strict=False)])
    # Of consulting; what is left of the room, at most.
    penalty = min(most, 999 - sum(pair)) / 1000
    made = shape_group(group, answers, pair[0] / 1000, pair[1] / 1000, penalty).advantages

    def gap(values: list[float]) -> float | None:
        right = [value for value, fact in zip(values, group, strict=True) if fact.right]
        wrong = [value for value, fact in zip(values, group, strict=True) if not fact.right]
        return min(right) - max(wrong) if right and wrong else None

    before, after = gap(answers), gap(made)
    if before is not None and after is not None:
        assert after > 0 if before > 1e-9 else after == pytest.approx(before)


@given(groups(), weights)
def test_parts_keep_the_answer_and_are_bounded(group: list[RolloutFacts], pair: tuple[int, int]) -> None:
    bonus, cost = pair[0] / 1000, pair[1] / 1000
    shaped = shape_group(group, grpo([fact.answer_score for fact in group]), bonus, cost)
    for part, fact in zip(shaped.parts, group, strict=True):
        assert part.answer == fact.answer_score
        assert 0.0 <= part.bonus <= bonus and 0.0 <= part.cost <= cost
        assert part.bonus == 0.0 or part.cost == 0.0
        assert part.total == part.answer + part.bonus - part.cost
        assert not part.bonus or fact.asked
        if not fact.consultations:
            assert part.total == part.answer


@given(groups(least=2), weights)
def test_where_nothing_but_the_answer_differs_it_is_grpo(group: list[RolloutFacts], pair: tuple[int, int]) -> None:
    answers = grpo([fact.answer_score for fact in group])
    assert shape_group(group, answers, 0.0, 0.0).advantages == answers
    alike = [RolloutFacts(fact.answer_score, fact.right, 1, 1, 1, 1, True) for fact in group]
    assert shape_group(alike, answers, pair[0] / 1000, pair[1] / 1000).advantages == answers


@given(groups(least=2), st.integers(2, 5))
def test_asking_more_earns_no_more(group: list[RolloutFacts], factor: int) -> None:
    more = [replace(fact, consultations=factor * fact.consultations, asked=factor * fact.asked) for fact in group]
    answers = grpo([fact.answer_score for fact in group])
    assert shape_group(more, answers, 0.3, 0.2) == shape_group(group, answers, 0.3, 0.2)


@given(groups(least=2), weights)
def test_shaping_moves_no_groups_mean(group: list[RolloutFacts], pair: tuple[int, int]) -> None:
    answers = grpo([fact.answer_score for fact in group])
    made = shape_group(group, answers, pair[0] / 1000, pair[1] / 1000).advantages
    assert statistics.fmean(made) == pytest.approx(statistics.fmean(answers), abs=1e-9)


def alone(right: bool) -> RolloutFacts:
    return RolloutFacts(float(right), right)


def helped(right: bool, low_confidence: bool | None = None) -> RolloutFacts:
    return RolloutFacts(float(right), right, 1, 2, 2, 2, low_confidence)


#: Consultations that reached nobody: held back by the trigger, and without a query.
GATED, EMPTY = RolloutFacts(0.0, False, 1, 2, 0, 0), RolloutFacts(0.0, False, 1, 0, 0, 0)


def parts(*facts: RolloutFacts) -> list[Parts]:
    return shape_group(facts, grpo([fact.answer_score for fact in facts]), 0.3, 0.2).parts


def test_consulting_pays_where_the_unassisted_fail() -> None:
    assert parts(alone(False), helped(True), helped(False)) == [
        Parts(0.0),
        Parts(1.0, bonus=0.3),
        Parts(0.0, bonus=0.3),
    ]


def test_consulting_costs_where_an_unassisted_rollout_is_right() -> None:
    assert parts(alone(True), alone(False), helped(True))[2] == Parts(1.0, cost=0.2)


def test_a_rollout_whose_replies_were_all_refused_is_unassisted() -> None:
    refused = RolloutFacts(0.0, False, 1, 1, 1, 0)
    assert parts(refused, helped(True)) == [Parts(0.0, bonus=0.3), Parts(1.0, bonus=0.3)]


def test_a_consultation_that_reached_nobody_earns_nothing() -> None:
    # On a hard prompt, where a query that was let through earns the bonus.
    assert parts(alone(False), GATED, EMPTY, helped(False)) == [
        Parts(0.0),
        Parts(0.0),
        Parts(0.0, cost=0.2),
        Parts(0.0, bonus=0.3),
    ]
    # On one that is known to be easy it is as idle as any other.
    assert parts(alone(True), GATED, EMPTY) == [Parts(1.0), Parts(0.0, cost=0.2), Parts(0.0, cost=0.2)]


def test_facts_are_what_a_rollout_counts() -> None:
    counts = {"consultations": 3, "queries": 4, "gated": 3, "accepted": 1, "low_confidence": False, "spared": 0}
    assert RolloutFacts.of(0.9, True, counts) == RolloutFacts(0.9, True, 3, 4, 1, 1, False)


@pytest.mark.parametrize(("low", "part"), [(True, Parts(1.0, bonus=0.3)), (False, Parts(1.0, cost=0.2))])
def test_low_confidence_makes_a_step_critical(low: bool, part: Parts) -> None:
    assert parts(alone(True), helped(True, low))[1] == part


def test_without_an_unassisted_rollout_a_prompt_is_not_known_to_be_hard() -> None:
    assert parts(helped(True), helped(True)) == [Parts(1.0, cost=0.2)] * 2


@pytest.mark.parametrize(
    "each",
    [(-0.1, 0.0), (0.0, -0.1), (0.5, 0.5), (1.0, 0.0), (float("nan"), 0.0), (0.0, 0.0, -0.1), (0.5, 0.25, 0.25)],
)
def test_weights_that_could_outweigh_the_answer_are_refused(each: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="bonus, cost and penalty"):
        shape_group([], [], *each)


def test_a_penalty_is_what_any_consultation_costs_on_top_of_the_rest() -> None:
    # On a hard prompt: at a critical step, held back, without a query; then idle, on an easy one.
    group = [alone(False), helped(True), GATED, EMPTY]
    shaped = shape_group(group, grpo([fact.answer_score for fact in group]), 0.5, 0.25, 0.125)
    assert [(part.bonus, part.cost) for part in shaped.parts] == [(0.0, 0.0), (0.5, 0.125), (0.0, 0.125), (0.0, 0.375)]
    easy = shape_group([alone(True), helped(True)], [0.0, 0.0], 0.5, 0.25, 0.125)
    assert easy.parts == [Parts(1.0), Parts(1.0, cost=0.375)]
    assert easy.advantages == [0.1875, -0.1875]


@pytest.mark.parametrize("penalty", [0.0, 1e-9, 1e-3, 1.0])
def test_a_bonus_keeps_its_size_whatever_else_differs(penalty: float) -> None:
    # All wrong, one consults; another one is a little too long.
    group = [helped(False), *[alone(False)] * 7]
    penalties = [0.0, penalty, *[0.0] * 6]
    shaped, plain = of(group, 0.1, 0.0, penalties), of(group, 0.0, 0.0, penalties)
    added = [one - other for one, other in zip(shaped, plain, strict=True)]
    assert added == pytest.approx([0.1 * 7 / 8, *[-0.1 / 8] * 7])


@pytest.mark.parametrize("rights", range(1, 8))
def test_a_bonus_is_the_same_in_a_group_of_right_and_wrong_answers(rights: int) -> None:
    group = [alone(True)] * rights + [helped(False, low_confidence=True)] + [alone(False)] * (7 - rights)
    shaped, plain = of(group, 0.1, 0.1), of(group, 0.0, 0.0)
    assert shaped[rights] - plain[rights] == pytest.approx(0.1 * 7 / 8)


@given(groups(least=2), weights, st.integers(0, 7))
def test_a_bonus_is_continuous_in_the_answers_advantages(
    group: list[RolloutFacts], pair: tuple[int, int], which: int
) -> None:
    answers = grpo([fact.answer_score for fact in group])
    moved = [one + 1e-6 * (index == which) for index, one in enumerate(answers)]
    here, there = (shape_group(group, values, pair[0] / 1000, pair[1] / 1000).advantages for values in (answers, moved))
    assert there == pytest.approx(here, abs=1e-5)


def test_a_penalty_for_divergence_in_the_reward_leaves_the_bonus_as_it_is() -> None:
    # Answers alike, a KL penalty on each rollout: GRPO makes advantages of it, to which the bonus is added.
    group, answers = [helped(False), alone(False), alone(False)], [1.1, -0.2, -0.9]
    made = shape_group(group, answers, 0.3, 0.0).advantages
    assert made == pytest.approx([1.1 + 0.2, -0.2 - 0.1, -0.9 - 0.1])


def test_a_rollout_that_is_alone_is_compared_with_nothing() -> None:
    # verl takes its reward for its advantage.
    shaped = shape_group([helped(True)], [1.0], 0.1, 0.1)
    assert shaped.advantages == shaped.answer_advantages == [0.0]
