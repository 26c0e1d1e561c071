"""Which rows of a mini-batch share a forward pass on a CPU: those of like length.

verl packs rows without padding where flash-attn is, and pads them to the longest one of their pass elsewhere. Where few
rollouts consulted, most of such a pass is padding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from verl.utils import tensordict_utils
from verl.workers.engine import utils

from eapo_verl.cpu.versions import CHECKED_VERL, require_version

#: The shortest row of a pass, as a share of its longest one: at most half of a pass is padding, and passes are few.
SHORTEST = 0.5


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """The rows, by index, in as few passes as :data:`SHORTEST` allows; each pass in the order of the rows."""
    passes: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if not passes or lengths[row] < SHORTEST * lengths[passes[-1][0]]:
            passes.append([])
        passes[-1].append(row)
    return [sorted(one) for one in passes]


def pad_alike() -> None:
    """Have verl split a mini-batch by :func:`alike`, on one rank; ranks would have to agree on the number of passes.

    The sum of the gradients over passes is the mini-batch's, whatever shares a pass.
    """
    require_version("verl", CHECKED_VERL)
    original = utils.rearrange_micro_batches

    def rearrange(batch: Any, max_token_len: int, dp_group: Any = None, **options: Any) -> Any:
        lengths = batch["input_ids"].offsets().diff().tolist()
        ranks = 1 if dp_group is None else torch.distributed.get_world_size(dp_group)
        if ranks > 1 or sum(lengths) > max_token_len:
            return original(batch, max_token_len, dp_group, **options)
        passes = alike(lengths)
        if len(passes) == 1:
            return [batch], passes
        return [tensordict_utils.index_select_tensor_dict(batch, rows) for rows in passes], passes

    utils.rearrange_micro_batches = rearrange
