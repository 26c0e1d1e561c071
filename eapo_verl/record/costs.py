"""What a run costs: the block ``costs`` of ``run.json``, the same for every kind of method, and how FLOPs are counted.

FLOPs are counted by parameters (Kaplan et al. 2020, arXiv 2001.08361, section 2.1): 2 N for a token that a model reads
or writes, 6 N for one that it is trained on, N being all numbers of the checkpoint. Attention over long contexts is
left out, as there, and so is what an engine saves by keeping keys and values between requests. With adapters (LoRA) 6 N
is an upper bound, since frozen weights need no gradients of their own.

Validation is no cost: it is the experiment's measurement, the same for every arm.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

#: FLOPs a parameter and token of a forward pass, and of a training step, which is one forward and two backward.
FORWARD, TRAINED = 2, 6


class Costs(NamedTuple):
    """What one run has cost; a kind that has nothing of one sort leaves its 0.

    Attributes:
        policy_tokens_sampled: that the policy wrote, also in rollouts that are not trained on.
        policy_prompt_tokens: that it read in order to write these, prompts and replies, each once a rollout.
        policy_tokens_scored: whose log-probabilities it gave without being trained, by a forward pass of its own.
        policy_tokens_trained: in the loss, as often as they were (times epochs).
        policy_prompt_tokens_trained: the other tokens of the sequences that it was trained on, likewise.
        expert_tokens: that experts wrote.
        expert_prompt_tokens: that they read for it.
        expert_tokens_scored: whose log-probabilities they gave (a teacher's forward pass).
        expert_requests: that were sent to them, repeated ones included.
        expert_flops: of experts, each by its own size (:func:`forward_flops`); None where one's size is unknown.
        optimiser_steps: updates of the weights.
        prompts_seen: training prompts, as often as one was shown.
        rollouts: of training prompts, failed and discarded ones included.
        policy_parameters: numbers of its checkpoint, None where they cannot be counted.
        expert_parameters: likewise, of each expert by its name; of a remote one what the experiment says, or None.
    """

    policy_tokens_sampled: int = 0
    policy_prompt_tokens: int = 0
    policy_tokens_scored: int = 0
    policy_tokens_trained: int = 0
    policy_prompt_tokens_trained: int = 0
    expert_tokens: int = 0
    expert_prompt_tokens: int = 0
    expert_tokens_scored: int = 0
    expert_requests: int = 0
    expert_flops: float | None = 0.0
    optimiser_steps: int = 0
    prompts_seen: int = 0
    rollouts: int = 0
    policy_parameters: int | None = None
    expert_parameters: Mapping[str, int | None] = {}

    @property
    def flops(self) -> float | None:
        """Of policy and experts; None where the size of one that did something is unknown."""
        if self.policy_parameters is None or self.expert_flops is None:
            return None
        forward = self.policy_tokens_sampled + self.policy_prompt_tokens + self.policy_tokens_scored
        trained = self.policy_tokens_trained + self.policy_prompt_tokens_trained
        return float(self.policy_parameters * (FORWARD * forward + TRAINED * trained)) + self.expert_flops

    def after(self, start: "Costs") -> "Costs":
        """Of the run and of the one whose model it started from, if it did: all that was spent for its own model."""
        ours, theirs = self.expert_flops, start.expert_flops
        return self._replace(
            **{name: getattr(self, name) + getattr(start, name) for name in _COUNTS},
            expert_flops=None if ours is None or theirs is None else ours + theirs,
            expert_parameters={**start.expert_parameters, **self.expert_parameters},
        )

    def block(self) -> dict[str, Any]:
        """The value of ``costs`` in ``run.json``: every field, and ``flops``."""
        return self._asdict() | {"expert_parameters": dict(self.expert_parameters), "flops": self.flops}


#: Those of its fields that are counts.
_COUNTS = [name for name, kind in Costs.__annotations__.items() if kind is int]


def policy_costs(steps: Iterable[Mapping[str, Any]]) -> Costs:
    """What the policy did in training steps, by their lines of ``metrics.jsonl``."""
    lines = list(steps)

    def total(*columns: str) -> int:
        return int(sum(line.get(column) or 0 for line in lines for column in columns))

    return Costs(
        policy_tokens_sampled=total("policy_tokens"),
        policy_prompt_tokens=total("policy_prompt_tokens"),
        policy_tokens_scored=total("policy_tokens_scored", "policy_tokens_reread"),
        policy_tokens_trained=total("policy_tokens_trained"),
        policy_prompt_tokens_trained=total("policy_prompt_tokens_trained"),
    )


def forward_flops(parameters: int, tokens: int) -> float:
    """FLOPs of reading or writing so many tokens with a model of that many parameters."""
    return float(FORWARD * parameters * tokens)


def count_parameters(folder: Path) -> int | None:
    """How many numbers the checkpoint of a model holds, by the headers of its safetensors files.

    Args:
        folder: with ``model*.safetensors`` (one file, or shards), as Hugging Face writes it.

    Returns:
        None where there is no such file, or one cannot be read.
    """
    try:
        found = [_numbers(path) for path in sorted(folder.glob("model*.safetensors"))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return sum(found) if found else None


def _numbers(path: Path) -> int:
    # The format: the header's length in bytes as a little-endian number of 8 bytes, then the header as JSON.
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("no such header")
        header = json.loads(file.read(length))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
