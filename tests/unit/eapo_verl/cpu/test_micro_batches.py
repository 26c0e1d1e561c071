"""Rows of like length share a pass; the sum over passes is the mini-batch's."""

import pytest

pytestmark = pytest.mark.engine  # imports verl


def test_rows_are_parted_where_a_pass_would_be_mostly_padding() -> None:
    from eapo_verl.cpu.micro_batches import alike

    assert alike([50, 60, 40]) == [[0, 1, 2]]
    assert alike([50, 180, 60, 90, 40]) == [[1, 3], [0, 2, 4]]
    assert alike([100, 49, 24]) == [[0], [1], [2]]
    assert alike([100, 50, 25]) == [[0, 1], [2]]
    assert alike([]) == []


def test_verl_splits_so_and_finds_each_row_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from tensordict import TensorDict
    from verl.workers.engine import utils

    from eapo_verl.cpu.micro_batches import few_passes

    monkeypatch.setattr(utils, "rearrange_micro_batches", utils.rearrange_micro_batches)
    few_passes()
    lengths = [5, 20, 6, 19]
    rows = [torch.full((length,), number) for number, length in enumerate(lengths)]
    batch = TensorDict({"input_ids": torch.nested.as_nested_tensor(rows, layout=torch.jagged)}, batch_size=4)
    passes, indices = utils.rearrange_micro_batches(batch, max_token_len=100)
    assert indices == [[1, 3], [0, 2]]
    assert [[int(row[0]) for row in one["input_ids"].unbind()] for one in passes] == indices
    # Too many tokens for one pass: verl's own split, which holds its limit.
    passes, indices = utils.rearrange_micro_batches(batch, max_token_len=30)
    assert all(sum(lengths[row] for row in one) <= 30 for one in indices)
    assert sorted(row for one in indices for row in one) == [0, 1, 2, 3]
