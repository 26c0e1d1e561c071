"""The settings of the method: consultation, reward, internalization. Each part can be switched off by itself.

The defaults are the simplest form of each; ``baselines/*/method.yaml`` say what a method makes of them.
"""

from pydantic import Field, field_validator, model_validator

from eapo_verl.method.gate import Confidence, TriggerKind
from eapo_verl.method.grammar import Tags
from eapo_verl.method.internalization import Target
from eapo_verl.method.rewards import REWARDS
from eapo_verl.method.schedules import Schedule, TurnBudget, Weight
from eapo_verl.settings.base import ExpertPoolSettings, Settings, Words


class Consultation(Settings):
    """What a rollout may ask, and what becomes of the replies.

    ``random_p`` is the probability of a random trigger; None: as many as a running threshold lets through.
    """

    trigger: TriggerKind = "learned"
    random_p: float | None = Field(0.5, ge=0, le=1)
    confidence: Confidence = Confidence()
    max_queries: int = Field(3, ge=1)
    turns: TurnBudget = TurnBudget()
    acceptance: Schedule = Schedule()
    instruction: Words | None = None
    query_prompt: str = "{query}"
    reply_max_characters: int = Field(256, ge=1)
    train_on_replies: bool = False
    tags: Tags = Tags()
    pool: ExpertPoolSettings = ExpertPoolSettings()

    @property
    def possible(self) -> bool:
        """Whether any rollout may consult at all."""
        return self.trigger != "never" and self.turns.train > 0

    def chance(self, threshold: float | None) -> float:
        """The probability with which a random trigger lets a consultation through.

        As many as a running threshold (:meth:`~eapo_verl.method.gate.Confidence.follow`) are every one while there is
        none, in the first step that consults, and the share ``confidence.quantile`` after it.
        """
        if self.random_p is not None:
            return self.random_p
        return 1.0 if threshold is None else self.confidence.quantile

    @property
    def uses_confidence(self) -> bool:
        """Whether what is let through depends on the policy's confidence, be it by the running threshold alone."""
        return self.trigger == "confidence_gated" or (self.trigger == "random" and self.random_p is None)

    def instructed(self, system_prompt: str | None) -> str | None:
        """The system prompt of a problem on which the policy may consult."""
        return "\n\n".join(text for text in (system_prompt, self.instruction) if text) or None

    @model_validator(mode="after")
    def _has_a_share(self) -> "Consultation":
        if self.random_p is None and self.confidence.threshold is not None:
            raise ValueError("random_p: null takes the share of a running threshold, but confidence.threshold is one")
        return self

    @field_validator("query_prompt")
    @classmethod
    def _has_query(cls, value: str) -> str:
        if "{query}" not in value:
            raise ValueError("query_prompt has to contain {query}; {problem} may stand beside it")
        return value


class Reward(Settings):
    """The reward for the answer, and of consulting bonus, cost and penalty, see :mod:`eapo_verl.method.objective`."""

    answer: str = "exact"
    bonus: Weight = Weight()
    cost: Weight = Weight()
    penalty: Weight = Weight()

    @property
    def dual(self) -> bool:
        """Whether it matters if a consultation was critical or idle."""
        return self.bonus.peak > 0 or self.cost.peak > 0

    def weights(self, step: int, total_steps: int) -> tuple[float, float, float]:
        """Bonus, cost and penalty at a training step."""
        return self.bonus(step, total_steps), self.cost(step, total_steps), self.penalty(step, total_steps)

    @field_validator("answer")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in REWARDS:
            raise ValueError(f"{value!r} is no reward; allowed are {', '.join(REWARDS)}")
        return value

    @model_validator(mode="after")
    def _answer_dominates(self) -> "Reward":
        peaks = (self.bonus.peak, self.cost.peak, self.penalty.peak)
        if sum(peaks) >= 1:
            raise ValueError(f"the peaks of bonus, cost and penalty, {peaks}, add up to 1 or more")
        return self


class Internalization(Settings):
    """The extra samples without the consultation, see :mod:`eapo_verl.method.internalization`; off without a weight."""

    target: Target = "continuation"
    weight: Weight = Weight()

    @property
    def on(self) -> bool:
        """Whether there are extra samples at all."""
        return self.weight.peak > 0
