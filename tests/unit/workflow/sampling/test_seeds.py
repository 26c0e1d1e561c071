"""Seeds of single samples."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workflow.sampling.seeds import sample_seed

keys = st.tuples(st.integers(0, 2**40), st.text(max_size=8), st.text(max_size=8), st.integers(0, 1000))


@given(one=keys, other=keys)
def test_two_samples_share_a_seed_only_if_they_are_the_same(
    one: tuple[int, str, str, int], other: tuple[int, str, str, int]
) -> None:
    assert (sample_seed(*one) == sample_seed(*other)) == (one == other)


@given(key=keys)
def test_a_seed_fits_a_signed_64_bit_integer(key: tuple[int, str, str, int]) -> None:
    assert 0 <= sample_seed(*key) < 2**63


def test_text_that_moves_from_name_to_question_changes_the_seed() -> None:
    assert sample_seed(1, "ab", "c", 0) != sample_seed(1, "a", "bc", 0)


def test_the_seed_is_the_same_in_every_process_and_version() -> None:
    # Published samples can be drawn again only while this holds.
    assert sample_seed(1, "aime_2024", "q", 0) == 6413680476778363666
