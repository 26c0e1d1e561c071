"""The number with which a run costs as much as another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.settings.matching import Match, matched

counts = st.integers(1, 64)
STEPS, GROUPS = (Match(arm="a", like="b", by=by) for by in ("steps", "rollouts_per_prompt"))


@given(counts, counts, counts, st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
def test_it_is_the_smallest_that_spends_all_there_is(
    steps: int, prompts: int, group: int, price: float, share: float
) -> None:
    rollouts = steps * prompts * group
    flops = share * rollouts * price
    made = matched(STEPS, steps, rollouts, flops, price)
    unit = prompts * group * price
    assert made.made * unit >= flops * (1 - 1e-6) and (made.made - 1) * unit < flops
    assert made.flops_over == pytest.approx(made.made * unit - flops, abs=1e-6 * flops)
    assert (made.by, made.given, made.flops, made.flops_a_rollout) == ("steps", steps, flops, price)


@given(counts, counts, counts, st.floats(1e-3, 1e3))
def test_a_run_that_costs_what_plain_ones_do_is_a_plain_one(steps: int, prompts: int, group: int, price: float) -> None:
    rollouts = steps * prompts * group
    assert matched(GROUPS, group, rollouts, price * rollouts, price).made == group


@pytest.mark.parametrize(("flops", "price"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_nothing_to_spend_is_an_error(flops: float, price: float) -> None:
    with pytest.raises(ValueError, match="are left for rollouts of"):
        matched(STEPS, 4, 16, flops, price)


@pytest.mark.parametrize(
    ("flops", "steps", "over"), [(-160.0, 3, 400.0), (0.0, 3, 240.0), (100.0, 3, 140.0), (330.0, 5, 70.0)]
)
def test_a_least_is_made_in_any_case_and_what_that_is_too_much_is_said(flops: float, steps: int, over: float) -> None:
    # 80 FLOPs a step.
    made = matched(STEPS.model_copy(update={"least": 0.25}), 12, 48, flops, 20.0)
    assert (made.made, made.flops_over) == (steps, pytest.approx(over))
