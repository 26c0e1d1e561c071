"""Supervised fine-tuning with verl on experts' right solutions of the training problems."""

from typing import Any

from pydantic import model_validator

from baselines.arm import Arm, Needs, Spending
from eapo_verl.settings.base import Name
from eapo_verl.settings.method import Consultation
from eapo_verl.settings.run import Training
from eapo_verl.settings.supervised import Supervised


class SFT(Arm):
    """The policy learns to write what experts wrote; nobody is asked while it is trained, nor later.

    Of ``consultation`` the tags alone matter: solutions hold none, and the opening one, which a policy may know from
    its pre-training, cannot be sampled.
    """

    program = "eapo_verl.sft"

    experts: tuple[Name, ...]
    consultation: Consultation
    supervised: Supervised
    training: Training

    @model_validator(mode="after")
    def _someone_to_learn_from(self) -> "SFT":
        if not self.experts:
            raise ValueError("it learns from experts' solutions, but experts names none")
        return self

    def needs(self) -> Needs:
        """Problems, and each expert's solutions of them."""
        return Needs(problems=True, solutions=self.experts)

    def spends(self) -> dict[Spending, str]:
        """It is trained on nothing of its own."""
        return {"trained_tokens": "experts' solutions"}

    def settings(self) -> dict[str, Any]:
        """What is learned from, and how."""
        told = super().settings()
        return told.pop("training") | told

    def banned(self) -> tuple[str, ...]:
        """The opening tag."""
        return (self.consultation.tags.consult_open,)
