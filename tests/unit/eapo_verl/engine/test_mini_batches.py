"""Which rows share a mini-batch, and a rank of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.engine.mini_batches import EXTRA, MEMBER, PADDING, deal


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[int], list[float], int, int]:
    """Rows of a step as they come, by kind and length; mini-batches and ranks."""
    mini_batches, ranks = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 3, 4, 8]))
    size = mini_batches * ranks * draw(st.integers(1, 6))
    members = draw(st.integers(0, size))
    extra = draw(st.integers(0, size - members))
    kinds = draw(st.permutations([MEMBER] * members + [EXTRA] * extra)) + [PADDING] * (size - members - extra)
    loads = [128.0 if kind == PADDING else draw(st.floats(1, 1000)) for kind in kinds]
    return kinds, loads, mini_batches, ranks


def cut(order: list[int], mini_batches: int, ranks: int) -> list[list[list[int]]]:
    """What each rank gets of each mini-batch, as verl cuts rows."""
    size = len(order) // ranks // mini_batches
    pieces = [order[at : at + size] for at in range(0, len(order), size)]
    return [pieces[mini_batch::mini_batches] for mini_batch in range(mini_batches)]


@given(steps())
def test_ranks_share_each_kind_and_a_mini_batch_is_one_ranks(step: tuple[list[int], list[float], int, int]) -> None:
    kinds, loads, mini_batches, ranks = step
    found = cut(deal(*step), mini_batches, ranks)
    alone = cut(deal(kinds, loads, mini_batches, 1), mini_batches, 1)
    for shares, (whole,) in zip(found, alone, strict=True):
        assert sorted(row for share in shares for row in share) == sorted(whole)
        for kind in (MEMBER, PADDING):
            held = [sum(kinds[row] == kind for row in share) for share in shares]
            assert max(held) - min(held) <= 1
        for share in shares:
            assert share == [row for row in whole if row in share]
    for kind in (MEMBER, PADDING):
        held = [sum(kinds[row] == kind for row in whole) for (whole,) in alone]
        assert max(held) - min(held) <= 1
    members = [row for (whole,) in alone for row in whole if kinds[row] == MEMBER]
    assert members == [row for row, kind in enumerate(kinds) if kind == MEMBER]


def test_one_ranks_rows_stay_in_order_with_the_others_behind_each_mini_batch() -> None:
    kinds = [MEMBER, EXTRA, MEMBER, MEMBER, MEMBER, PADDING]
    assert deal(kinds, [1.0] * 6, 2, 1) == [0, 2, 1, 3, 4, 5]


@given(st.lists(st.floats(1, 100), min_size=16, max_size=16))
def test_no_rank_has_much_more_to_compute_than_another(loads: list[float]) -> None:
    (shares,) = cut(deal([MEMBER] * 16, loads, 1, 4), 1, 4)
    totals = [sum(loads[row] for row in share) for share in shares]
    # Dealt in rounds, largest first: at most one row apart.
    assert max(totals) - min(totals) <= max(loads)


def test_ranks_that_each_get_a_long_and_a_short_row_are_level() -> None:
    (shares,) = cut(deal([MEMBER] * 4, [9.0, 8.0, 2.0, 1.0], 1, 2), 1, 2)
    assert shares == [[0, 3], [1, 2]]


def test_padding_is_spread_over_mini_batches_and_ranks() -> None:
    kinds = [MEMBER] * 12 + [PADDING] * 4
    found = cut(deal(kinds, [1.0] * 16, 4, 2), 4, 2)
    # One a mini-batch, and not always the same rank's.
    held = [[sum(kinds[row] == PADDING for row in share) for share in shares] for shares in found]
    assert held == [[0, 1], [1, 0], [0, 1], [1, 0]] or held == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows cannot be divided into 2"):
        deal([MEMBER] * 3, [1.0] * 3, 2, 1)
