"""Which peers' summaries a path of LeaP is shown."""

from collections.abc import Callable, Mapping
from typing import Literal

Routing = Literal["dispersed", "clustered", "hybrid", "random"]


def likeness(one: str, other: str) -> float:
    """Levenshtein's ratio of two texts, in [0, 1]: 2 LCS / (length + length), with their longest common subsequence.

    By Hyyrö's bit vectors (2004): a step a character of ``other``, on integers of as many bits as ``one`` is long.
    """
    if not one and not other:
        return 1.0
    places: dict[str, int] = {}
    for index, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << index
    whole = (1 << len(one)) - 1
    # A zero is a character of the subsequence.
    row = whole
    for character in other:
        matches = row & places.get(character, 0)
        row = ((row + matches) | (row - matches)) & whole
    return 2 * (len(one) - row.bit_count()) / (len(one) + len(other))


def routed(
    own: str, others: Mapping[int, str], peers: int | None, routing: Routing, draw: Callable[[int], float]
) -> list[int]:
    """Those of the ``others`` whose summaries a path is shown.

    Args:
        own: the path's own summary.
        others: their summaries, by path.
        peers: how many at most; None: all.
        routing: those least like its own summary (dispersed), most like it (clustered), half of each (hybrid; the odd
            one is of the most alike), or random ones.
        draw: a random number for a path.
    """
    if peers is None or peers >= len(others):
        return list(others)
    if routing == "random":
        return sorted(others, key=draw)[:peers]
    alike = sorted(others, key=lambda other: likeness(own, others[other]))
    most = {"dispersed": 0, "clustered": peers, "hybrid": peers - peers // 2}[routing]
    return alike[: peers - most] + alike[len(alike) - most :]
