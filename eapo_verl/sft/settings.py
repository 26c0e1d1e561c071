"""The settings of one run, whole: what ``python -m eapo_verl.sft`` reads."""

from pathlib import Path

from pydantic import Field

from eapo_verl.settings.base import Name
from eapo_verl.settings.run import AnyRun
from eapo_verl.settings.supervised import Supervised


class SFTSettings(AnyRun):
    """One run.

    Of what trained arms share, ``budget`` says how many optimiser steps over how many texts there are and when is
    validated (a checkpoint is written then, and only then), ``optimiser`` the temperature of validation; the rest of
    ``optimiser``, and ``verl``, are of reinforcement learning. Of ``consultation`` the tags matter: the opening one is
    banned.
    """

    solutions: dict[Name, Path] = Field(min_length=1)
    supervised: Supervised

    @property
    def problems(self) -> int:
        """How many it learns from at most: as many as reinforcement learning draws prompts."""
        return self.budget.steps * self.budget.prompts_per_step

    @property
    def batch(self) -> int:
        """Texts of an optimiser step: as many as reinforcement learning's mini-batches hold rollouts."""
        return self.budget.mini_batch

    @property
    def optimiser_steps(self) -> int:
        """Of the whole run, as many as reinforcement learning's."""
        return self.budget.steps * self.budget.mini_batches

    @property
    def validated_steps(self) -> list[int]:
        """The training steps after which is validated: those of reinforcement learning, the first one 0."""
        every, last = self.budget.validate_every, self.budget.steps
        return sorted({*range(0, last + 1, every), last})
