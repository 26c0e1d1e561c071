"""The rows of a partition of verl's TransferQueue: one tensor, or one object, a row and field."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
import transfer_queue
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.utils import seqlen_balancing

from eapo_verl.engine.batching import final_outputs, submission_order
from eapo_verl.engine.mini_batches import EXTRA, MEMBER, PADDING, deal

#: What the forward pass reads of a row, and what beside it no pass of the trainer's reads.
FORWARD = ("input_ids", "position_ids", "prompts", "responses", "response_mask", "loss_mask")
_APART = {"data_source", "extra_fields", "global_steps", "metrics", "num_turns", "reward_model", "session_id", "uid"}


def rollouts(batch: KVBatchMeta) -> list[str]:
    """The keys of a batch's rollouts, without internalization samples and padding."""
    padding = {key for key, tag in zip(batch.keys, batch.tags, strict=True) if tag.get("is_padding", False)}
    return [key for key in final_outputs(batch.keys) if key not in padding]


def arrange(batch: KVBatchMeta, members: Collection[str], mini_batches: int, ranks: int) -> dict[str, float]:
    """Bring the rows of a step into the order of :func:`eapo_verl.engine.mini_batches.deal`, in place.

    Args:
        batch: rows and padding, a multiple of ``mini_batches`` times ``ranks`` of them, in any order.
        members: the keys of the rows that the mean of the loss is over.
        mini_batches: of a step.
        ranks: data-parallel ones.

    Returns:
        verl's metrics of how much each rank has to compute, in tokens.
    """
    padding = [bool(tag.get("is_padding", False)) for tag in batch.tags]
    batch.reorder(sorted(range(len(batch)), key=lambda row: (padding[row], submission_order(batch.keys[row]))))
    kinds = [
        MEMBER if key in members else PADDING if tag.get("is_padding", False) else EXTRA
        for key, tag in zip(batch.keys, batch.tags, strict=True)
    ]
    lengths = [int(tag["seq_len"]) for tag in batch.tags]
    loads = seqlen_balancing.calculate_workload(torch.tensor(lengths)).tolist()
    order = deal(kinds, loads, mini_batches, ranks)
    size = len(order) // ranks
    shares = [order[rank * size : (rank + 1) * size] for rank in range(ranks)]
    batch.reorder(order)
    return dict(seqlen_balancing.log_seqlen_unbalance(lengths, shares, prefix="global_seqlen"))


def only(batch: KVBatchMeta, fields: Sequence[str] | None = None) -> KVBatchMeta:
    """The batch, of which a worker fetches these fields; unless they are given, all that are one tensor a row.

    verl has its workers fetch every field, and carries each row's objects through every split of the batch.
    """
    if fields is None and batch.fields is not None:
        fields = [field for field in batch.fields if field not in _APART]
    chosen = None if fields is None else list(fields)
    return KVBatchMeta(
        keys=batch.keys, tags=batch.tags, partition_id=batch.partition_id, fields=chosen, extra_info=batch.extra_info
    )


def get(partition_id: str, keys: Sequence[str], *fields: str) -> list[list[Any]]:
    """For each of the fields, that of each of the rows in the order of ``keys``; all are fetched at once."""
    if not keys:
        return [[] for _ in fields]
    data = transfer_queue.kv_batch_get(keys=list(keys), partition_id=partition_id, select_fields=list(fields))
    columns = [data[field] for field in fields]
    return [list(one.unbind()) if isinstance(one, torch.Tensor) else list(one) for one in columns]


def put(partition_id: str, keys: Sequence[str], **fields: Sequence[torch.Tensor]) -> None:
    """Replace each of the fields of each of the rows by a tensor, one number a token; all are put at once."""
    if not keys:
        return
    nested = {name: torch.nested.as_nested_tensor(list(rows), layout=torch.jagged) for name, rows in fields.items()}
    data = TensorDict(nested, batch_size=len(keys))
    transfer_queue.kv_batch_put(keys=list(keys), partition_id=partition_id, fields=data)


def fill(batch: KVBatchMeta, field: str, other: str) -> None:
    """Put into a field of a batch's rows, where it is nan, what ``other`` has for the same tokens."""
    own, others = get(batch.partition_id, batch.keys, field, other)
    filled = [torch.where(one.isnan(), two, one) for one, two in zip(own, others, strict=True)]
    put(batch.partition_id, batch.keys, **{field: filled})


def is_right(fields: Mapping[str, Any]) -> bool:
    """Whether the answer of the rollout is right that has these ``extra_fields``."""
    return bool(fields["reward_extra_info"]["acc"])


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
