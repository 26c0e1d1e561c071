"""In which order rows go into mini-batches. Pure functions."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def submission_order(key: str) -> tuple[str, int, int]:
    """A sort key for ``prompt_rollout_output``: the order in which rollouts were asked for."""
    prompt, rollout, output = key.rsplit("_", 2)
    return prompt, int(rollout), int(output)


def spread(rows: Sequence[T], padding: Sequence[bool], pieces: int) -> list[T]:
    """The rows in an order in which every one of ``pieces`` consecutive, equal pieces holds its share of the padding.

    Otherwise the last mini-batch would hold all of it, and its few real rows would weigh more than those of the others.
    Real rows keep their order.

    Args:
        rows: a multiple of ``pieces`` of them.
        padding: which of them are padding.
        pieces: how many mini-batches there are.

    Raises:
        ValueError: the rows cannot be divided.
    """
    if pieces < 1 or len(rows) % pieces:
        raise ValueError(f"{len(rows)} rows cannot be divided into {pieces} equal pieces")
    size = len(rows) // pieces
    real = [row for row, pad in zip(rows, padding, strict=True) if not pad]
    fill = [row for row, pad in zip(rows, padding, strict=True) if pad]
    order: list[T] = []
    for piece in range(pieces):
        start, end = (len(real) * number // pieces for number in (piece, piece + 1))
        order += real[start:end]
        missing = size - (end - start)
        order += fill[:missing]
        fill = fill[missing:]
    return order
