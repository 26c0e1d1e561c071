"""What a training step costs beside its rollouts."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.engine  # imports verl's queue


def test_every_row_but_padding_is_counted_by_what_is_in_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from eapo_verl.engine import step_costs as module

    masks = {"p_0_0": torch.tensor([1, 1]), "p_0_1": torch.tensor([1, 0, 1]), "q_0_0": torch.tensor([0, 0])}

    def get(partition_id: str, keys: list[str], field: str) -> list[list[torch.Tensor]]:
        assert (partition_id, field) == ("train", "response_mask")
        return [[masks[key] for key in keys]]

    monkeypatch.setattr(module.rows, "get", get)
    tags = [{"seq_len": 6}, {"seq_len": 7}, {"seq_len": 8}, {"seq_len": 100, "is_padding": True}]
    batch = SimpleNamespace(keys=[*masks, "padding"], tags=tags, partition_id="train")
    assert module.step_costs(batch, epochs=2, passes=3) == {
        "policy_tokens_trained": 2 * 4,
        "policy_prompt_tokens_trained": 2 * (6 + 7 + 8 - 4),
        "policy_tokens_scored": 3 * (6 + 7 + 8),
    }
