"""Reinforcement learning with verl, with or without experts to consult."""

from typing import Any

from pydantic import model_validator

from baselines.arm import Arm, Needs, Spending
from eapo_verl.settings.base import Name
from eapo_verl.settings.method import Consultation, Internalization, Reward
from eapo_verl.settings.run import Training


class RL(Arm):
    """The policy is trained on its own rollouts, in which it may consult; at evaluation it cannot."""

    program = "eapo_verl.train"

    experts: tuple[Name, ...]
    consultation: Consultation
    reward: Reward
    internalization: Internalization
    training: Training

    @model_validator(mode="after")
    def _someone_to_consult(self) -> "RL":
        if self.consultation.possible and not self.experts:
            raise ValueError("it consults, but experts names none")
        return self

    def needs(self) -> Needs:
        """Problems, and experts while it is trained where it consults at all."""
        return Needs(problems=True, experts=self.experts if self.consultation.possible else ())

    def spends(self) -> dict[Spending, str]:
        """Internalization samples, of which there are only with experts."""
        return {"trained_tokens": "internalization samples"} if self.needs().experts and self.internalization.on else {}

    def settings(self) -> dict[str, Any]:
        """The parts of the method, and how it is trained."""
        told = super().settings()
        return told.pop("training") | told

    def banned(self) -> tuple[str, ...]:
        """The arm's own opening tag."""
        return (self.consultation.tags.consult_open,)
