"""Which rows of a mini-batch share a forward pass on a CPU: those of like length, or those of one prompt.

verl packs rows without padding where flash-attn is, and pads them to the longest one of their pass elsewhere. Where few
rollouts consulted, most of such a pass is padding. With ``use_remove_padding`` rows of one prompt share it, see
:mod:`eapo_verl.cpu.shared_prompts`.
"""

from collections.abc import Sequence
from typing import Any

import torch
from verl.utils import tensordict_utils
from verl.workers.engine import utils

from eapo_verl.cpu.shared_prompts import prompt_lengths_of, rows_by_prompt
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


def of_one_prompt(rows: Sequence[torch.Tensor], prompt_lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """The rows, by index: a pass for each prompt; several, where its tokens and its rows' responses' are too many."""
    passes: list[list[int]] = []
    for sharing in rows_by_prompt(rows, prompt_lengths):
        tokens = max_tokens + 1
        for row in sharing:
            response = len(rows[row]) - prompt_lengths[row]
            if tokens + response > max_tokens:
                passes.append([])
                tokens = prompt_lengths[row]
            passes[-1].append(row)
            tokens += response
    return passes


def few_passes() -> None:
    """Have verl split a mini-batch by :func:`alike` or :func:`of_one_prompt`.

    On one rank: several would have to agree on the number of passes. The sum of the gradients over
    passes is the mini-batch's, whatever shares a pass.
    """
    require_version("verl", CHECKED_VERL)
    original = utils.rearrange_micro_batches

    def rearrange(batch: Any, max_token_len: int, dp_group: Any = None, **options: Any) -> Any:
        lengths = batch["input_ids"].offsets().diff().tolist()
        share = tensordict_utils.get_non_tensor_data(data=batch, key="use_remove_padding", default=False)
        ranks = 1 if dp_group is None else torch.distributed.get_world_size(dp_group)
        if ranks > 1 or (sum(lengths) > max_token_len and not share):
            return original(batch, max_token_len, dp_group, **options)
        if share:
            passes = of_one_prompt(batch["input_ids"].unbind(), prompt_lengths_of(batch), max_token_len)
        else:
            passes = alike(lengths)
        if len(passes) == 1:
            return [batch], passes
        return [tensordict_utils.index_select_tensor_dict(batch, rows) for rows in passes], passes

    utils.rearrange_micro_batches = rearrange
