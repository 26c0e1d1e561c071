"""The order of rows, and what counts as a real rollout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.engine.batching import spread, submission_order


def test_keys_sort_by_number_and_not_by_text() -> None:
    keys = ["a-2_10_0", "a-2_9_1", "a-2_9_0", "a-1_0_0"]
    assert sorted(keys, key=submission_order) == ["a-1_0_0", "a-2_9_0", "a-2_9_1", "a-2_10_0"]


@given(st.data())
def test_padding_is_shared_out_and_real_rows_keep_their_order(data: st.DataObject) -> None:
    pieces = data.draw(st.integers(1, 6))
    size = data.draw(st.integers(1, 8))
    padding = data.draw(st.lists(st.booleans(), min_size=pieces * size, max_size=pieces * size))
    rows = list(range(pieces * size))
    order = spread(rows, padding, pieces)
    assert sorted(order) == rows
    assert [row for row in order if not padding[row]] == [row for row in rows if not padding[row]]
    held = [sum(padding[row] for row in order[start : start + size]) for start in range(0, len(rows), size)]
    assert max(held) - min(held) <= 1


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows cannot be divided into 2"):
        spread([1, 2, 3], [False] * 3, 2)


@pytest.mark.engine  # imports verl
def test_the_last_output_of_a_rollout_is_the_real_one() -> None:
    from eapo_verl.engine.replay_buffer import final_outputs

    assert final_outputs(["p_0_1", "p_1_0", "p_0_0", "q_0_0"]) == ["p_0_1", "p_1_0", "q_0_0"]
