"""Reinforcement learning with experts' solutions as members of its groups."""

from pydantic import model_validator

from baselines.arm import Needs, Spending
from baselines.kinds.rl import RL
from eapo_verl.settings.solutions import OffPolicy


class OffPolicyRL(RL):
    """As ``rl``, without consultation; solutions are in groups beside the policy's rollouts, or in place of some."""

    off_policy: OffPolicy

    @model_validator(mode="after")
    def _fits(self) -> "OffPolicyRL":
        if not self.experts:
            raise ValueError("its rows are experts' solutions, but experts names none")
        self.off_policy.check(self.consultation, self.training.optimiser, self.training.budget.rollouts_per_prompt)
        return self

    def needs(self) -> Needs:
        """As ``rl``, and solutions by its experts."""
        return super().needs()._replace(solutions=self.experts)

    def spends(self) -> dict[Spending, str]:
        """As ``rl``, and solutions are trained on."""
        return super().spends() | {"trained_tokens": "experts' solutions"}
