"""verl's DAPO reward manager, told what the agent loop knows of a rollout."""

from typing import Any

import torch
from tensordict import TensorDict
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.dapo import DAPORewardManager


class RolloutRewardManager(DAPORewardManager):
    """DAPO's manager, for its penalty on overlong responses, with the agent loop's fields handed to the reward.

    verl's naive manager hands them on and knows no penalty, the DAPO one the other way round.
    """

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """The reward of the last sequence of ``data``, see :func:`eapo_verl.rewards.compute_score`."""
        fields = data[-1:].non_tensor_batch
        # The sequences of a rollout are padded to the longest, and verl 0.9.1 then miscounts the length of the last.
        prompt, response = int(fields["prompt_len"][0]), int(fields["response_len"][0])
        sequence = {
            "responses": data.batch["responses"][-1:, :response],
            "attention_mask": torch.ones(1, prompt + response, dtype=torch.int64),
        }
        # A copy: the dictionary is the data set's own.
        fields["extra_info"][0] = {**fields["extra_info"][0], **fields["tool_extra_fields"][0]}
        result: dict[str, Any] = await super().run_single(
            DataProto(batch=TensorDict(sequence, batch_size=1), non_tensor_batch=fields)
        )
        return result
