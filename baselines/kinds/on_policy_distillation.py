"""On-policy distillation with verl: an expert scores each token of the policy's own rollouts."""

from typing import Any

from pydantic import model_validator

from baselines.arm import Arm, Needs
from eapo_verl.settings.distillation import Distillation
from eapo_verl.settings.method import Consultation, Reward
from eapo_verl.settings.run import Training

#: Keys of ``training.optimiser`` that are parts of the task's reward or of its loss.
_OF_THE_REWARD = ("overlong", "kl_coefficient", "kl_reward_coefficient")


class OnPolicyDistillation(Arm, Distillation):
    """The policy is trained on its own rollouts, in which it consults nobody, by what a teacher makes of each token.

    ``reward.answer`` is the accuracy that is logged, and with ``task_reward`` a part of the loss.
    """

    program = "eapo_verl.train"

    consultation: Consultation
    reward: Reward
    training: Training

    @model_validator(mode="after")
    def _consistent(self) -> "OnPolicyDistillation":
        if self.consultation.possible:
            raise ValueError("consultation.trigger: it has to be never: the teacher is not asked, it scores")
        optimiser = self.training.optimiser
        if optimiser.temperature != 1.0:
            raise ValueError(
                f"training.optimiser.temperature: the teacher scores at temperature 1, so that the policy has to be "
                f"sampled at 1, too (got {optimiser.temperature})"
            )
        if self.task_reward:
            return self
        if self.coefficient != 1.0:
            raise ValueError("coefficient: there is no other loss to weigh against without task_reward")
        for key in _OF_THE_REWARD:
            if getattr(optimiser, key):
                raise ValueError(f"training.optimiser.{key}: without task_reward it has to be off")
        return self

    def needs(self) -> Needs:
        """Problems, and the teacher."""
        return Needs(problems=True, models=(self.teacher,))

    def settings(self) -> dict[str, Any]:
        """How it is trained, the teacher's part under ``distillation``."""
        told = super().settings()
        own = {key: told.pop(key) for key in Distillation.model_fields}
        return told.pop("training") | told | {"distillation": own}

    def banned(self) -> tuple[str, ...]:
        """The opening tag, which the policy cannot sample in training either."""
        return (self.consultation.tags.consult_open,)
