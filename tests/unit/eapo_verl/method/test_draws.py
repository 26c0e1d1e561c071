"""Draws and seeds are functions of what they are for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.draws import sample_seed, sampling_seed, turn_seed, uniform_draw

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


def test_turns_of_a_sample_have_seeds_of_their_own_that_no_sample_has() -> None:
    samples = [sample_seed(1, "a", "q", number) for number in range(20)]
    places = [(), (0,), (1,), (0, 1), (1, 0), (10,), (0, 0, 0)]
    turns = [turn_seed(seed, *place) for seed in samples for place in places]
    assert len({*samples, *turns}) == len(samples) + len(turns) and all(0 <= seed < 2**63 for seed in turns)


def test_draws_depend_on_their_key_alone() -> None:
    assert uniform_draw(1, 2, 3, 4, 0, 1) == uniform_draw(1, 2, 3, 4, 0, 1)
    draws = [uniform_draw(1, step, 3, rollout, 0, 0) for step in range(50) for rollout in range(50)]
    assert len(set(draws)) == len(draws)
    assert 0.47 < sum(draws) / len(draws) < 0.53
    assert uniform_draw(1, 23) != uniform_draw(12, 3)
    assert 0 <= sampling_seed(1) < 2**31


@given(st.lists(st.integers(0, 2**63) | st.text(st.characters(categories=["L"])), min_size=1, max_size=6))
def test_a_draw_is_the_same_every_time(key: list[int | str]) -> None:
    assert 0.0 <= uniform_draw(*key) == uniform_draw(*key) < 1.0
    assert uniform_draw(*key) != uniform_draw(*key, 0)


@given(st.integers(0, 2**31))
def test_draws_are_spread_evenly(seed: int) -> None:
    draws = np.array([uniform_draw(seed, step, 0, 0, 0, 0) for step in range(2000)])
    # Kolmogorov-Smirnov's distance; more than 0.07 is rarer than one in ten million for a uniform sample of this size.
    distance = np.abs(np.sort(draws) - np.arange(2000) / 2000).max()
    assert distance < 0.07
