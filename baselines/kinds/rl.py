"""Reinforcement learning with verl, with or without experts to consult."""

from typing import Any

from pydantic import model_validator

from baselines.arm import Arm, Needs, Spending
from eapo_verl.settings.base import Name
from eapo_verl.settings.matching import Match
from eapo_verl.settings.method import Consultation, Internalization, Reward
from eapo_verl.settings.run import Training


class RL(Arm):
    """The policy is trained on its own rollouts, in which it may consult; at evaluation it cannot.

    Attributes:
        start_from: another arm, whose trained model of the same seed is trained on in place of ``policy``.
        match: the run costs as much as another arm's; a number of the budget is computed when it starts.
    """

    program = "eapo_verl.train"
    spans_nodes = True

    experts: tuple[Name, ...]
    consultation: Consultation
    reward: Reward
    internalization: Internalization
    training: Training
    start_from: Name | None = None
    match: Match | None = None

    @model_validator(mode="after")
    def _someone_to_consult(self) -> "RL":
        if self.consultation.possible and not self.experts:
            raise ValueError("it consults, but experts names none")
        return self

    def needs(self) -> Needs:
        """Problems, experts while it is trained where it consults at all, and the runs that it goes by."""
        return Needs(
            problems=True,
            start=self.start_from,
            costs_of=(self.match.arm, self.match.like) if self.match else (),
            experts=self.experts if self.consultation.possible else (),
        )

    def spends(self) -> dict[Spending, str]:
        """What ``match`` changes, and what is trained on beside its rollouts (internalization where it has experts)."""
        found: dict[Spending, str] = {}
        if self.match is not None:
            steps: tuple[Spending, ...] = ("prompts", "rollouts", "optimiser_steps")
            found |= dict.fromkeys(steps if self.match.by == "steps" else ("rollouts",), f"to match {self.match.arm}")
        if self.start_from is not None:
            found["trained_tokens"] = f"the run of {self.start_from}"
        elif self.needs().experts and self.internalization.on:
            found["trained_tokens"] = "internalization samples"
        return found

    def settings(self) -> dict[str, Any]:
        """The parts of the method, and how it is trained."""
        told = super().settings()
        return told.pop("training") | told

    def banned(self) -> tuple[str, ...]:
        """The arm's own opening tag."""
        return (self.consultation.tags.consult_open,)
