"""What is asked of reasoning-gym: its items, by seeds that do not overlap, and its name in a problem's source."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

# reasoning-gym seeds its i-th item with seed + i: neighbouring seeds would give nearly the same items.
_STRIDE = 1_000_003
#: Items looked at per problem wanted, after which there are taken to be no more.
PATIENCE = 50


def first_seed(seed: int) -> int:
    """reasoning-gym's seed for one of ours, which is 0 or more."""
    return seed * _STRIDE


def entries(name: str, seed: int, size: int, **options: Any) -> Iterator[dict[str, Any]]:
    """The first ``size`` items of one of its data sets, of our ``seed``, in its order; some may be alike."""
    # Imported late: it takes seconds, which a wrong argument should not cost.
    import reasoning_gym

    dataset = reasoning_gym.create_dataset(name, seed=first_seed(seed), size=size, **options)
    for number in range(size):
        yield dataset[number]


def source_of(name: str) -> str:
    """What a problem's ``source`` says that was made of one of its data sets."""
    return f"reasoning-gym {version('reasoning-gym')} {name}"
