"""The settings of on-policy distillation: who scores the policy's rollouts, and what becomes of the scores."""

from typing import Annotated

from pydantic import Field

from eapo_verl.settings.base import Name, Settings
from eapo_verl.settings.identity import OPERATIONAL


class Distillation(Settings):
    """A teacher gives the log-probability of every token y_t that the policy pi wrote in a rollout of its own.

    The sampled-token form (Thinking Machines 2025, "On-Policy Distillation"; verl's ``k1`` with policy gradient):

        A_t = -clamp(log pi(y_t | x, y_<t) - log pi_teacher(y_t | x, y_<t), -loss_clamp, loss_clamp)
        L_distillation = the clipped policy loss of these advantages, averaged over tokens as the task's is

    in nats, without a baseline and without discounted later terms, so that its mean is an estimate of the reverse KL
    divergence of policy and teacher, a token. Without ``task_reward`` this is the whole loss; with it, GRPO's loss of
    the answers is added: L = L_GRPO + coefficient * L_distillation.

    Attributes:
        teacher: the name of one of the experiment's models.
        task_reward: whether the task's reward counts, too.
        coefficient: of the distillation loss beside the task's; 1 in 2604.13016's code.
        loss_clamp: in nats; 10 in verl's example.
    """

    # What is told apart is the model, whatever it is called.
    teacher: Annotated[Name, OPERATIONAL]
    task_reward: bool = False
    coefficient: float = Field(1.0, gt=0)
    loss_clamp: float = Field(10.0, gt=0)
