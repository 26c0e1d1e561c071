"""The order of rows, and what counts as a real rollout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.engine.batching import final_outputs, groups, prompt_of, rollout_of, spread, submission_order


def test_keys_sort_by_number_and_not_by_text() -> None:
    keys = ["a-2_10_0", "a-2_9_1", "a-2_9_0", "a-1_0_0"]
    assert sorted(keys, key=submission_order) == ["a-1_0_0", "a-2_9_0", "a-2_9_1", "a-2_10_0"]


@given(st.data())
def test_every_mini_batch_of_every_rank_holds_its_share_and_rollouts_keep_their_order(data: st.DataObject) -> None:
    ranks, mini_batches = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    size = data.draw(st.integers(1, 8))
    pieces = ranks * mini_batches
    rollouts = data.draw(st.integers(0, pieces * size))
    extra = data.draw(st.integers(0, pieces * size - rollouts))
    kinds = ["rollout"] * rollouts + ["extra"] * extra + ["padding"] * (pieces * size - rollouts - extra)
    # verl's own order is by length; padding was appended last.
    kinds = data.draw(st.permutations(kinds[: rollouts + extra])) + kinds[rollouts + extra :]
    rows = list(range(len(kinds)))
    order = spread(rows, [kind == "rollout" for kind in kinds], pieces)
    assert sorted(order) == rows
    mine = [row for row in order if kinds[row] == "rollout"]
    assert mine == sorted(mine)
    # A rank's rows are consecutive, and so are those of a mini-batch in it.
    for kind in ("rollout", "padding"):
        held = [sum(kinds[row] == kind for row in order[at : at + size]) for at in range(0, len(rows), size)]
        assert max(held) - min(held) <= 1


def test_two_ranks_both_hold_padding() -> None:
    rows = [*"abcdef", "pad", "pad"]
    order = spread(rows, [row != "pad" for row in rows], pieces=2 * 1)
    assert order == ["a", "b", "c", "pad", "d", "e", "f", "pad"]


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows cannot be divided into 2"):
        spread([1, 2, 3], [False] * 3, 2)


def test_the_last_output_of_a_rollout_is_the_real_one() -> None:
    assert final_outputs(["p_0_1", "p_1_0", "p_0_0", "q_0_0"]) == ["p_0_1", "p_1_0", "q_0_0"]


def test_names_of_rows_say_what_they_belong_to() -> None:
    assert (prompt_of("00000001-000000000002_10_1"), rollout_of("p_10_1")) == ("00000001-000000000002", "p_10")
    assert groups(["p_0_1", "q_0_0", "p_1_0"]) == [["p_0_1", "p_1_0"], ["q_0_0"]]
