"""Internalization samples as rows that verl's loss finds; see :mod:`eapo_verl.method.internalization`."""

from collections.abc import Sequence

from eapo_verl.engine import rows
from eapo_verl.method.internalization import sample_weights


def weigh(
    partition_id: str, keys: Sequence[str], right: Sequence[bool], advantages: Sequence[float], weight: float
) -> int:
    """Give the samples their weights; none counts in the mean, and one of weight 0 is like padding.

    Args:
        partition_id: of verl's TransferQueue.
        keys: of the samples' rows.
        right: whether the rollout of each is.
        advantages: of the answer of each rollout.
        weight: lambda_s.

    Returns:
        how many of them are learned from.
    """
    weights = sample_weights(advantages, right, weight)
    (own,) = rows.get(partition_id, keys, "response_mask")
    masks = rows.learned_masks(own, weights)
    factors = [one * advantage for one, advantage in zip(weights, advantages, strict=True)]
    rows.put(
        partition_id,
        keys,
        response_mask=[learned for learned, _ in masks],
        loss_mask=[counted for _, counted in masks],
        advantages=[learned * factor for (learned, _), factor in zip(masks, factors, strict=True)],
    )
    return sum(one > 0.0 for one in weights)
