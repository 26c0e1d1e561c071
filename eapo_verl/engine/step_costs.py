"""What a training step costs beside its rollouts; the names are those of :class:`eapo_verl.record.costs.Costs`."""

from transfer_queue import KVBatchMeta

from eapo_verl.engine import rows


def step_costs(batch: KVBatchMeta, epochs: int, passes: int) -> dict[str, int]:
    """Tokens that went through the trainer, by what for.

    Args:
        batch: the step's rows as they were trained on, internalization samples included; padding is not counted.
        epochs: how often the policy was trained on each.
        passes: how often each was read for its log-probabilities alone: for the old ones, and by a reference model.
    """
    lengths = {
        key: tag["seq_len"] for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding")
    }
    (masks,) = rows.get(batch.partition_id, list(lengths), "response_mask")
    learned, held = sum(int(mask.sum()) for mask in masks), sum(lengths.values())
    return {
        "policy_tokens_trained": learned * epochs,
        "policy_prompt_tokens_trained": (held - learned) * epochs,
        "policy_tokens_scored": held * passes,
    }
