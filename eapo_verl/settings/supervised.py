"""The settings of supervised fine-tuning on experts' solutions, beside those that every trained arm shares.

How much is learned is the experiment's one budget: as many optimiser steps as reinforcement learning takes
(``budget.steps`` times ``budget.mini_batches``), each over as many texts as its mini-batches hold rollouts.
"""

from typing import Any, Literal

from pydantic import Field, field_validator

from eapo_verl.settings.base import Settings, Text
from eapo_verl.settings.verl_keys import SFT, check_keys


class Lora(Settings):
    """Low-rank adapters (2106.09685), added to frozen weights and folded into them at the end.

    A weight W becomes W + (alpha / rank) B A. Thinking Machines ("LoRA Without Regret", 2025): every linear layer,
    alpha 32 whatever the rank, the best learning rate ten times that of full tuning whatever the rank. The rank is one
    of those that they released (8, 32, 128); our choice.
    """

    rank: int = Field(32, ge=1)
    alpha: int = Field(32, ge=1)
    targets: Text | tuple[Text, ...] = "all-linear"
    learning_rate_factor: float = Field(10.0, gt=0)


class Supervised(Settings):
    """AdamW's numbers and the form of the update.

    ``learning_rate`` is that of full tuning, LUFFY's 5e-5 (2504.14945) by default; adapters multiply it. ``warm_up`` is
    the share of the steps over which the rate rises (LUFFY: 0.1). Weight decay, clipping and a constant rate after the
    warm-up are verl's own, not stated by any source. ``verl`` holds any key of the configuration of verl's SFT trainer,
    dotted.
    """

    learning_rate: float = Field(5.0e-5, gt=0)
    warm_up: float = Field(0.1, ge=0, le=1)
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: float = Field(0.01, ge=0)
    grad_clip: float = Field(1.0, gt=0)
    lora: Lora | None = None
    verl: dict[str, Any] = Field(default_factory=dict)

    @field_validator("verl")
    @classmethod
    def _known_to_verl(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_keys(value, SFT)
        return value

    @property
    def effective_learning_rate(self) -> float:
        """The rate at which what is trained is trained."""
        return self.learning_rate * (self.lora.learning_rate_factor if self.lora else 1.0)
