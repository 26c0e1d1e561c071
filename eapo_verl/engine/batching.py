"""The names of rollouts and their rows, and in which order rows go into mini-batches. Pure functions.

verl names a row ``prompt_rollout_output``: an agent loop may return several outputs, the last of which is the rollout.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def prompt_of(key: str) -> str:
    """The name of the prompt that a row belongs to."""
    return key.rsplit("_", 2)[0]


def rollout_of(key: str) -> str:
    """The name of the rollout that a row belongs to, ``prompt_rollout``."""
    return key.rpartition("_")[0]


def final_outputs(keys: Sequence[str]) -> list[str]:
    """The keys of the rollouts themselves, in order: of each rollout's outputs the last one."""
    last: dict[str, int] = {}
    for key in keys:
        last[rollout_of(key)] = max(last.get(rollout_of(key), 0), int(key.rpartition("_")[2]))
    return [key for key in keys if int(key.rpartition("_")[2]) == last[rollout_of(key)]]


def groups(keys: Sequence[str]) -> list[list[str]]:
    """The keys of each prompt's rows, in order."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(prompt_of(key), []).append(key)
    return list(found.values())


def submission_order(key: str) -> tuple[str, int, int]:
    """A sort key for the names of rows: the order in which rollouts were asked for."""
    prompt, rollout, output = key.rsplit("_", 2)
    return prompt, int(rollout), int(output)


def spread(rows: Sequence[T], own: Sequence[bool], pieces: int) -> list[T]:
    """The rows in an order in which each of ``pieces`` consecutive, equal pieces holds its share of either kind.

    A piece is a mini-batch of one data-parallel rank: verl gives each rank consecutive rows, and each mini-batch
    consecutive rows of a rank. Otherwise the last rank's last mini-batch would hold all the padding, and its few
    rollouts would weigh more than those of the others.

    Args:
        rows: a multiple of ``pieces`` of them.
        own: which of them are rollouts, which keep their order. The others, internalization samples and then padding,
            are dealt out one by one to the piece that has fewest rows.
        pieces: mini-batches times ranks.

    Raises:
        ValueError: the rows cannot be divided.
    """
    if pieces < 1 or len(rows) % pieces:
        raise ValueError(f"{len(rows)} rows cannot be divided into {pieces} equal pieces")
    real = [row for row, is_own in zip(rows, own, strict=True) if is_own]
    rest = [row for row, is_own in zip(rows, own, strict=True) if not is_own]
    filled = [real[len(real) * piece // pieces : len(real) * (piece + 1) // pieces] for piece in range(pieces)]
    for row in rest:
        min(filled, key=len).append(row)
    return [row for piece in filled for row in piece]
