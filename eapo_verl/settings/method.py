"""The settings of the method: consultation, reward, internalization. Each part can be switched off by itself.

The defaults are the simplest form of each; ``baselines/*/method.yaml`` say what a method makes of them.
"""

from pydantic import Field, field_validator, model_validator

from eapo_verl.method.gate import RunningQuantile, Signal, TriggerKind
from eapo_verl.method.grammar import Tags
from eapo_verl.method.internalization import Target
from eapo_verl.method.rewards import REWARDS
from eapo_verl.method.schedules import AcceptanceKind, AcceptanceSchedule, TurnBudget, Weight
from eapo_verl.settings.base import ExpertPoolSettings, Settings, Text


class Schedule(Settings):
    """The form of a schedule, see :class:`eapo_verl.method.schedules.AcceptanceSchedule`."""

    kind: AcceptanceKind = "reciprocal"
    s0: float = Field(20.0, gt=0, allow_inf_nan=False)
    start: float = Field(1.0, ge=0, le=1)
    end: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> "Schedule":
        self.schedule(total_steps=1)
        return self

    def schedule(self, total_steps: int) -> AcceptanceSchedule:
        """The schedule over a run of ``total_steps`` steps."""
        return AcceptanceSchedule(self.kind, self.s0, self.start, self.end, total_steps)


class WeightSchedule(Schedule):
    """A weight and how it changes, see :class:`eapo_verl.method.schedules.Weight`; without a peak the part is off."""

    kind: AcceptanceKind = "constant"
    peak: float = Field(0.0, ge=0, allow_inf_nan=False)

    def weight(self, total_steps: int) -> Weight:
        """The weight over a run of ``total_steps`` steps."""
        return Weight(self.peak, self.kind, self.s0, self.start, self.end, total_steps)


class TagSettings(Settings):
    """The action grammar's strings, see :class:`eapo_verl.method.grammar.Tags`."""

    consult_open: Text = Tags.consult_open
    consult_close: Text = Tags.consult_close
    separator: Text = Tags.separator
    reply_open: Text = Tags.reply_open
    reply_close: Text = Tags.reply_close
    unavailable: Text = Tags.unavailable
    answer_prefix: Text = Tags.answer_prefix

    @model_validator(mode="after")
    def _told_apart(self) -> "TagSettings":
        self.tags()
        return self

    def tags(self) -> Tags:
        """The same strings as the grammar takes them."""
        return Tags(**self.model_dump())


class Turns(Settings):
    """Consultation turns of a rollout, see :class:`eapo_verl.method.schedules.TurnBudget`."""

    train: int = Field(1, ge=0)
    evaluation: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _contracting(self) -> "Turns":
        self.budget(total_steps=1)
        return self

    def budget(self, total_steps: int) -> TurnBudget:
        """The budget over a run of ``total_steps`` steps."""
        return TurnBudget(self.train, self.evaluation, total_steps)


class Confidence(Settings):
    """When the policy counts as unsure, see :mod:`eapo_verl.method.gate`; the numbers are not stated, our choice.

    ``threshold`` is absolute, in nats; without one it follows the ``quantile`` of recent consultations' confidences.
    """

    signal: Signal = "log_prob"
    window: int = Field(32, ge=1)
    threshold: float | None = Field(None, allow_inf_nan=False)
    quantile: float = Field(0.8, ge=0, le=1)
    smoothing: float = Field(0.1, gt=0, le=1)

    def running(self) -> RunningQuantile:
        """The rule by which the threshold follows the policy."""
        return RunningQuantile(self.quantile, self.smoothing)


class Consultation(Settings):
    """What a rollout may ask, and what becomes of the replies."""

    trigger: TriggerKind = "learned"
    random_p: float = Field(0.5, ge=0, le=1)
    confidence: Confidence = Confidence()
    max_queries: int = Field(3, ge=1)
    turns: Turns = Turns()
    acceptance: Schedule = Schedule()
    instruction: str | None = None
    query_prompt: str = "{query}"
    reply_max_characters: int = Field(256, ge=1)
    train_on_replies: bool = False
    tags: TagSettings = TagSettings()
    pool: ExpertPoolSettings = ExpertPoolSettings()

    @property
    def possible(self) -> bool:
        """Whether any rollout may consult at all."""
        return self.trigger != "never" and self.turns.train > 0

    @field_validator("query_prompt")
    @classmethod
    def _has_query(cls, value: str) -> str:
        if "{query}" not in value:
            raise ValueError("query_prompt has to contain {query}; {problem} may stand beside it")
        return value


class Reward(Settings):
    """The reward for the answer, and the dual reward's bonus and cost, see :mod:`eapo_verl.method.objective`."""

    answer: str = "exact"
    bonus: WeightSchedule = WeightSchedule()
    cost: WeightSchedule = WeightSchedule()

    @property
    def dual(self) -> bool:
        """Whether consulting itself is rewarded or charged for."""
        return self.bonus.peak > 0 or self.cost.peak > 0

    @field_validator("answer")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in REWARDS:
            raise ValueError(f"{value!r} is no reward; allowed are {', '.join(REWARDS)}")
        return value

    @model_validator(mode="after")
    def _answer_dominates(self) -> "Reward":
        if self.bonus.peak + self.cost.peak >= 1:
            raise ValueError(f"bonus.peak ({self.bonus.peak}) and cost.peak ({self.cost.peak}) add up to 1 or more")
        return self


class Internalization(Settings):
    """The extra samples without the consultation, see :mod:`eapo_verl.method.internalization`; off without a weight."""

    target: Target = "continuation"
    weight: WeightSchedule = WeightSchedule()

    @property
    def on(self) -> bool:
        """Whether there are extra samples at all."""
        return self.weight.peak > 0
