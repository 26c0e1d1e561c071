"""Reinforcement learning with experts' hints in its training prompts."""

from pydantic import model_validator

from baselines.arm import Needs
from baselines.kinds.rl import RL
from eapo_verl.settings.solutions import Hint


class HintedRL(RL):
    """As ``rl``, and a training prompt may hold the beginning of an expert's solution, by ``consultation.acceptance``.

    Validation and evaluation are plain.
    """

    hint: Hint

    @model_validator(mode="after")
    def _someone_to_take_hints_from(self) -> "HintedRL":
        if not self.experts:
            raise ValueError("its hints are of experts' solutions, but experts names none")
        return self

    def needs(self) -> Needs:
        """As ``rl``, and solutions by its experts."""
        return super().needs()._replace(solutions=self.experts)
