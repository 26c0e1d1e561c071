"""How a run uses experts' solutions of its training problems: as hints in its prompts, or as members of its groups."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from eapo_verl.settings.base import Settings

if TYPE_CHECKING:
    from eapo_verl.settings.method import Consultation
    from eapo_verl.settings.run import Optimiser


class Hint(Settings):
    """The beginning of a solution at the end of the training prompt, see :mod:`eapo_verl.method.hints`.

    Attributes:
        share: of the characters of the solution, in (0, 1). QuestA (2507.13266): the first half, in its first stage.
    """

    share: float = Field(0.5, gt=0, lt=1)


class OffPolicy(Settings):
    """Solutions as members of a prompt's group, see :mod:`eapo_verl.method.off_policy`.

    Attributes:
        rows: members of a group that are solutions, where as many can be used. LUFFY (2504.14945): 1 of 8; AMPO
            (2510.02227): at most 2 of 8.
        when: ``always``, in place of rollouts, which are not sampled (LUFFY); ``group_failed``, in place of wrong
            rollouts of a group without a right one (AMPO).
        gamma: of the policy shaping p / (p + gamma); both: 0.1.
        clipped: whether the ratio of the policy's own rollouts is clipped; AMPO: yes, LUFFY: no, on purpose.
    """

    rows: int = Field(1, ge=1)
    when: Literal["always", "group_failed"] = "always"
    gamma: float = Field(0.1, gt=0)
    clipped: bool = True

    def check(self, consultation: "Consultation", optimiser: "Optimiser", rollouts_per_prompt: int) -> None:
        """Refuse what does not go with it.

        Raises:
            ValueError: names the key, its value and what is allowed.
        """
        if self.rows >= rollouts_per_prompt:
            raise ValueError(
                f"off_policy.rows ({self.rows}) has to be below budget.rollouts_per_prompt ({rollouts_per_prompt})"
            )
        refused = {
            # An expert's words are no consultation: neither a bonus nor an internalization sample has a meaning here.
            "consultation.trigger": (consultation.trigger if consultation.possible else "never", "never"),
            # Neither LUFFY nor AMPO divides; a group's deviation would be mostly between expert and policy.
            "optimiser.normalise_by_std": (optimiser.normalise_by_std, False),
            # A group whose rollouts are all wrong is what an expert is there for, and would be thrown away.
            "optimiser.dynamic_sampling": (optimiser.dynamic_sampling, False),
            # The policy's divergence on words that it did not write is none that a penalty should act on.
            "optimiser.kl_coefficient": (optimiser.kl_coefficient, 0.0),
            "optimiser.kl_reward_coefficient": (optimiser.kl_reward_coefficient, 0.0),
        }
        for key, (value, allowed) in refused.items():
            if value != allowed:
                raise ValueError(f"{key}: beside off-policy rows allowed is {allowed}, got {value}")
