"""The rows of a batch in verl's TransferQueue: one tensor, or one object, a row."""

from collections.abc import Sequence
from typing import Any

import torch
import transfer_queue
from tensordict import TensorDict
from transfer_queue import KVBatchMeta


def get(batch: KVBatchMeta, keys: Sequence[str], field: str) -> list[Any]:
    """The field of each of the rows, in the order of ``keys``."""
    if not keys:
        return []
    data = transfer_queue.kv_batch_get(keys=list(keys), partition_id=batch.partition_id, select_fields=[field])[field]
    return list(data.unbind()) if isinstance(data, torch.Tensor) else list(data)


def put(batch: KVBatchMeta, keys: Sequence[str], field: str, rows: Sequence[torch.Tensor]) -> None:
    """Replace the field of each of the rows by a tensor, one number a token."""
    if not keys:
        return
    nested = torch.nested.as_nested_tensor(list(rows), layout=torch.jagged)
    fields = TensorDict({field: nested}, batch_size=len(keys))
    transfer_queue.kv_batch_put(keys=list(keys), partition_id=batch.partition_id, fields=fields)


def shared_value(row: torch.Tensor, mask: torch.Tensor) -> float:
    """The one number that a row holds wherever its mask is 1 (a rollout's advantage); 0 where it is nowhere 1."""
    held = row[mask.bool()]
    return float(held[0]) if len(held) else 0.0


def learned_masks(masks: Sequence[torch.Tensor], weights: Sequence[float]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The masks of internalization samples, each ``response_mask`` and ``loss_mask``.

    verl sums the loss over the tokens of the first, and its mean is over the number of those of the second: an extra
    sample adds to the sum and not to the number, and one of weight 0 to neither, like padding.
    """
    return [(mask * (weight > 0.0), mask * 0) for mask, weight in zip(masks, weights, strict=True)]
