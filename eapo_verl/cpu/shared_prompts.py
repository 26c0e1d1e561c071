"""verl's FSDP engine on a CPU, where ``use_remove_padding`` is set: a prompt is read once for all of its rollouts.

verl packs rows into one by flash-attn, which no CPU has. Here a pass is one row, too: each prompt once, and behind it
the responses to it. A response attends to its prompt and to itself, at the positions that it has behind its prompt
alone, and logits are computed where a token of a response is predicted. Log-probabilities and gradients are those of
padded rows, but for rounding; those of the prompts' own tokens, which no loss reads, are zero.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from tensordict import TensorDict
from verl.utils import tensordict_utils
from verl.utils import torch_functional as verl_functional

from eapo_verl.cpu.versions import CHECKED_VERL, require_version
from eapo_verl.engine.banned_tag import BannedTagEngine, ban


class Packed(NamedTuple):
    """The rows of a pass as one row of T tokens, of which K predict.

    Attributes:
        places: (T,), of each token in the rows one behind the other.
        attends: (T, T), boolean: whether the token of the row sees that of the column.
        predicting: (K,), of the T, for each token of a response the one before it; a prompt's last one once a response.
        predicted_from: (K,), where these are in the rows one behind the other.
    """

    places: torch.Tensor
    attends: torch.Tensor
    predicting: torch.Tensor
    predicted_from: torch.Tensor


def pack(rows: Sequence[torch.Tensor], prompt_lengths: Sequence[int]) -> Packed:
    """Lay ``rows`` out, each the tokens of a prompt, of ``prompt_lengths``, and of the response to it."""
    places: list[int] = []
    prompt_of: list[int] = []  # for each of the tokens the first one of its prompt,
    response_of: list[int] = []  # and the row whose response it is in, or -1
    predicting: list[int] = []
    predicted_from: list[int] = []
    offset = 0
    starts = []
    for row in rows:
        starts.append(offset)
        offset += len(row)
    for sharing in rows_by_prompt(rows, prompt_lengths):
        first, length = len(places), prompt_lengths[sharing[0]]
        places.extend(range(starts[sharing[0]], starts[sharing[0]] + length))
        response_of.extend([-1] * length)
        for row in sharing:
            # Nothing is predicted from a response's last token.
            response = max(len(rows[row]) - length - 1, 0)
            if len(rows[row]) > length:
                predicting.extend([first + length - 1, *range(len(places), len(places) + response)])
                predicted_from.extend(range(starts[row] + length - 1, starts[row] + length + response))
            places.extend(range(starts[row] + length, starts[row] + length + response))
            response_of.extend([row] * response)
        prompt_of.extend([first] * (len(places) - first))
    group, member = torch.tensor(prompt_of), torch.tensor(response_of)
    seen = (member == -1) | (member == member[:, None])
    attends = torch.tril((group == group[:, None]) & seen)
    return Packed(torch.tensor(places), attends, torch.tensor(predicting), torch.tensor(predicted_from))


def rows_by_prompt(rows: Sequence[torch.Tensor], prompt_lengths: Sequence[int]) -> list[list[int]]:
    """The rows, by index, that have a prompt in common; prompts and rows in their order."""
    sharing: dict[tuple[int, ...], list[int]] = {}
    for number, (row, length) in enumerate(zip(rows, prompt_lengths, strict=True)):
        sharing.setdefault(tuple(row[:length].tolist()), []).append(number)
    return list(sharing.values())


def prompt_lengths_of(batch: TensorDict) -> list[int]:
    """How many tokens of each row are its prompt's.

    Raises:
        ValueError: the rows are not rollouts, as those of supervised training.
    """
    if "prompts" not in batch:
        raise ValueError(
            "use_remove_padding on a CPU is for reinforcement learning: these rows have no prompts; set it to false"
        )
    prompts = batch["prompts"]
    if prompts.is_nested:
        return list(prompts.offsets().diff().tolist())
    return list(batch["attention_mask"][:, : prompts.shape[1]].sum(dim=1).tolist())


class CPUEngine(BannedTagEngine):
    """That of a run on an accelerator; with ``use_remove_padding`` the passes are those of this module."""

    def prepare_model_inputs(self, micro_batch: TensorDict) -> tuple[dict[str, Any], dict[str, Any]]:
        if not _option(micro_batch, "use_remove_padding", True):
            return super().prepare_model_inputs(micro_batch)
        for unsupported in ("use_fused_kernels", "distillation_use_topk", "calculate_sum_pi_squared"):
            if _option(micro_batch, unsupported, False):
                raise NotImplementedError(
                    f"use_remove_padding on a CPU: it has no {unsupported}; set one of them to false"
                )
        rows = micro_batch["input_ids"]
        packed = pack(rows.unbind(), prompt_lengths_of(micro_batch))
        inputs = {
            "input_ids": rows.values()[packed.places].unsqueeze(0),
            "position_ids": micro_batch["position_ids"].values()[packed.places].unsqueeze(0),
            "attention_mask": packed.attends[None, None],
            "logits_to_keep": packed.predicting,
        }
        return inputs, {"packed": packed}

    def prepare_model_outputs(
        self, output: Any, output_args: dict[str, Any], micro_batch: TensorDict, logits_processor_func: Any
    ) -> dict[str, torch.Tensor]:
        if "packed" not in output_args:
            return super().prepare_model_outputs(output, output_args, micro_batch, logits_processor_func)
        ban(output.logits)
        rows, places = micro_batch["input_ids"], output_args["packed"].predicted_from
        tokens, offsets = rows.values(), rows.offsets()
        temperature = torch.as_tensor(micro_batch["temperature"], dtype=torch.float32)
        of_token = temperature.expand(len(rows)).repeat_interleave(offsets.diff())
        logits = output.logits.squeeze(0) / of_token[places].unsqueeze(-1)

        def over_rows(values: torch.Tensor) -> torch.Tensor:
            flat = torch.zeros(len(tokens), dtype=values.dtype).index_copy(0, places, values)
            return torch.nested.nested_tensor_from_jagged(flat, offsets)

        outputs = {"log_probs": over_rows(verl_functional.logprobs_from_logits(logits, tokens[places + 1]))}
        if _option(micro_batch, "calculate_entropy", False):
            outputs["entropy"] = over_rows(verl_functional.entropy_from_logits(logits))
        return outputs


def _option(batch: TensorDict, key: str, default: bool) -> bool:
    return bool(tensordict_utils.get_non_tensor_data(data=batch, key=key, default=default))


require_version("verl", CHECKED_VERL)
