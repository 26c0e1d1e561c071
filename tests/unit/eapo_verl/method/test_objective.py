"""The dual reward: who earns a bonus, who pays, and that the answer decides."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.objective import Parts, RolloutFacts, advantage_factor, shape_group
from eapo_verl.method.rewards import REWARDS, exact
from tasks import task

TASK, GOLD = task("integers"), "-5"
# Right ones that the F1 reward scores low and wrong ones that it scores high among them.
RESPONSES = ("\\boxed{-5}", "\\boxed{-05}", "\\boxed{5}", "\\boxed{3 5 7}", "\\boxed{3}", "\\boxed{}", "none")
weights = st.tuples(st.integers(0, 1000), st.integers(0, 1000)).filter(lambda pair: sum(pair) < 1000)


@st.composite
def groups(draw: st.DrawFn) -> list[RolloutFacts]:
    reward = REWARDS[draw(st.sampled_from(sorted(REWARDS)))]

    def rollout() -> RolloutFacts:
        response = draw(st.sampled_from(RESPONSES))
        consultations = draw(st.integers(0, 3))
        accepted = draw(st.integers(0, 3)) if consultations else 0
        low = draw(st.sampled_from([None, False, True]))
        right = exact(TASK, response, GOLD) == 1.0
        return RolloutFacts(reward(TASK, response, GOLD), right, consultations, accepted, low)

    return [rollout() for _ in range(draw(st.integers(0, 8)))]


@given(groups(), weights)
def test_no_wrong_rollout_is_lifted_above_a_right_one(group: list[RolloutFacts], pair: tuple[int, int]) -> None:
    parts = shape_group(group, pair[0] / 1000, pair[1] / 1000)
    right = [part for part, fact in zip(parts, group, strict=True) if fact.right]
    wrong = [part for part, fact in zip(parts, group, strict=True) if not fact.right]
    if right and wrong:
        if min(part.answer for part in right) > max(part.answer for part in wrong):
            assert min(part.total for part in right) > max(part.total for part in wrong)
        else:
            assert all(part.total == part.answer for part in parts)


@given(groups(), weights)
def test_parts_keep_the_answer_and_are_bounded(group: list[RolloutFacts], pair: tuple[int, int]) -> None:
    bonus, cost = pair[0] / 1000, pair[1] / 1000
    for part, fact in zip(shape_group(group, bonus, cost), group, strict=True):
        assert part.answer == fact.answer_score
        assert 0.0 <= part.bonus <= bonus and 0.0 <= part.cost <= cost
        assert part.bonus == 0.0 or part.cost == 0.0
        assert part.total == part.answer + part.bonus - part.cost
        if not fact.consultations:
            assert part.total == part.answer


@given(groups())
def test_without_weights_nothing_changes(group: list[RolloutFacts]) -> None:
    assert [part.total for part in shape_group(group, 0.0, 0.0)] == [fact.answer_score for fact in group]


@given(groups(), st.integers(2, 5))
def test_asking_more_earns_no_more(group: list[RolloutFacts], factor: int) -> None:
    more = [
        RolloutFacts(fact.answer_score, fact.right, factor * fact.consultations, fact.accepted, fact.low_confidence)
        for fact in group
    ]
    assert shape_group(more, 0.3, 0.2) == shape_group(group, 0.3, 0.2)


def alone(right: bool) -> RolloutFacts:
    return RolloutFacts(float(right), right, 0, 0)


def helped(right: bool, low_confidence: bool | None = None) -> RolloutFacts:
    return RolloutFacts(float(right), right, 1, 2, low_confidence)


def test_consulting_pays_where_the_unassisted_fail() -> None:
    assert shape_group([alone(False), helped(True), helped(False)], 0.3, 0.2) == [
        Parts(0.0),
        Parts(1.0, bonus=0.3),
        Parts(0.0, bonus=0.3),
    ]


def test_consulting_costs_where_an_unassisted_rollout_is_right() -> None:
    assert shape_group([alone(True), alone(False), helped(True)], 0.3, 0.2)[2] == Parts(1.0, cost=0.2)


def test_a_rollout_whose_replies_were_all_refused_is_unassisted() -> None:
    refused = RolloutFacts(0.0, False, 1, 0)
    assert shape_group([refused, helped(True)], 0.3, 0.2) == [Parts(0.0, bonus=0.3), Parts(1.0, bonus=0.3)]


@pytest.mark.parametrize(("low", "part"), [(True, Parts(1.0, bonus=0.3)), (False, Parts(1.0, cost=0.2))])
def test_low_confidence_makes_a_step_critical(low: bool, part: Parts) -> None:
    assert shape_group([alone(True), helped(True, low)], 0.3, 0.2)[1] == part


def test_without_an_unassisted_rollout_a_prompt_is_not_known_to_be_hard() -> None:
    assert shape_group([helped(True), helped(True)], 0.3, 0.2) == [Parts(1.0, cost=0.2)] * 2


def test_weights_shrink_with_the_gap_between_the_answers() -> None:
    half = RolloutFacts(0.5, False, 1, 1)
    parts = shape_group([alone(False), helped(True), half], 0.4, 0.2)
    assert parts == [Parts(0.0), Parts(1.0, bonus=0.2), Parts(0.5, bonus=0.2)]


@pytest.mark.parametrize("pair", [(-0.1, 0.0), (0.0, -0.1), (0.5, 0.5), (1.0, 0.0), (float("nan"), 0.0)])
def test_weights_that_could_outweigh_the_answer_are_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="bonus and cost"):
        shape_group([], *pair)


def test_a_bonus_keeps_its_size_where_the_answers_are_alike() -> None:
    parts = [Parts(0.0, bonus=0.1), Parts(0.0), Parts(0.0), Parts(0.0, cost=0.02)]
    totals = [part.total for part in parts]
    mean, deviation = statistics.mean(totals), statistics.stdev(totals)
    normalised = [(total - mean) / deviation for total in totals]
    assert [one * advantage_factor(parts) for one in normalised] == pytest.approx([total - mean for total in totals])
    assert advantage_factor([Parts(1.0), *parts]) == 1.0
    assert advantage_factor([Parts(1.0), Parts(1.0)]) == 0.0 and advantage_factor([Parts(1.0)]) == 1.0
