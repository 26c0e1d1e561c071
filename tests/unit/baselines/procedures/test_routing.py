"""Which peers a path is shown, and how alike two texts are."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.procedures.routing import Routing, likeness, routed

texts = st.text("ab;é", max_size=12)


@given(texts, texts)
def test_likeness_is_levenshtein_s_ratio(one: str, other: str) -> None:
    @cache
    def common(i: int, j: int) -> int:
        """The longest common subsequence of the first characters, by definition."""
        if not i or not j:
            return 0
        if one[i - 1] == other[j - 1]:
            return common(i - 1, j - 1) + 1
        return max(common(i - 1, j), common(i, j - 1))

    length = len(one) + len(other)
    assert likeness(one, other) == (2 * common(len(one), len(other)) / length if length else 1.0)


# Levenshtein's ratios to "abcd": 1, 3/4, 1/2, 0.
OTHERS = {3: "wxyz", 5: "abcd", 1: "abyz", 2: "abcz"}


@pytest.mark.parametrize(
    ("routing", "peers", "shown"),
    [
        ("dispersed", 2, {3, 1}),
        ("clustered", 2, {2, 5}),
        ("hybrid", 2, {3, 5}),
        ("hybrid", 3, {3, 2, 5}),
        ("dispersed", 3, {3, 1, 2}),
        ("clustered", 1, {5}),
        ("dispersed", None, {1, 2, 3, 5}),
        ("random", 4, {1, 2, 3, 5}),
    ],
)
def test_a_path_is_shown_peers_by_the_likeness_of_their_summaries(
    routing: Routing, peers: int | None, shown: set[int]
) -> None:
    chosen = routed("abcd", OTHERS, peers, routing, lambda path: 0.0)
    assert set(chosen) == shown and len(chosen) == len(shown)


def test_random_peers_follow_from_the_draw() -> None:
    draws = {3: 0.9, 5: 0.1, 1: 0.5, 2: 0.2}
    assert routed("abcd", OTHERS, 2, "random", draws.__getitem__) == [5, 2]
