"""The typed settings of one training run, as the workflow hands them to ``python -m eapo_verl.train``.

Light on purpose: neither verl nor torch is imported, so that a workflow can validate an experiment in a second. An
unknown key, a wrong type or a value out of range is an error that names it.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from eapo_verl.consultation import Tags
from eapo_verl.schedules import AcceptanceKind, AcceptanceSchedule, TurnBudget

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class Settings(BaseModel):
    """Base of every settings class: closed (no unknown key) and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Endpoint(Settings):
    """An expert: a model behind an OpenAI-compatible API.

    ``api_key_env`` names the environment variable that holds the key; the key itself is never part of the settings.
    """

    name: Name
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    model: Text
    api_key_env: str | None = None
    max_concurrency: int = Field(64, ge=1)
    max_tokens: int = Field(64, ge=1)
    temperature: float = Field(0.0, ge=0)
    timeout_s: float = Field(30.0, gt=0)
    retries: int = Field(2, ge=0)


class Acceptance(Settings):
    """The schedule of rho_s, see :class:`eapo_verl.schedules.AcceptanceSchedule`."""

    kind: AcceptanceKind = "reciprocal"
    s0: float = Field(20.0, gt=0)
    start: float = Field(1.0, ge=0, le=1)
    end: float = Field(0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> "Acceptance":
        self.schedule(total_steps=1)
        return self

    def schedule(self, total_steps: int) -> AcceptanceSchedule:
        """The schedule over a run of ``total_steps`` steps."""
        return AcceptanceSchedule(self.kind, self.s0, self.start, self.end, total_steps)


class TagSettings(Settings):
    """The action grammar's strings, see :class:`eapo_verl.consultation.Tags`."""

    consult_open: Text = Tags.consult_open
    consult_close: Text = Tags.consult_close
    separator: Text = Tags.separator
    reply_open: Text = Tags.reply_open
    reply_close: Text = Tags.reply_close
    unavailable: Text = Tags.unavailable

    def tags(self) -> Tags:
        """The same strings as the grammar takes them."""
        return Tags(**self.model_dump())


class Consultation(Settings):
    """What a rollout may ask, and what becomes of the replies."""

    trigger: Literal["learned", "never"] = "learned"
    max_queries: int = Field(3, ge=1)
    turns: int = Field(1, ge=0)
    acceptance: Acceptance = Acceptance()
    instruction: str | None = None
    query_prompt: str = "{query}"
    reply_max_characters: int = Field(256, ge=1)
    deadline_s: float = Field(60.0, gt=0)
    tags: TagSettings = TagSettings()

    @field_validator("query_prompt")
    @classmethod
    def _has_query(cls, value: str) -> str:
        if "{query}" not in value:
            raise ValueError("query_prompt has to contain {query}; {problem} may stand beside it")
        return value

    def turn_budget(self, total_steps: int) -> TurnBudget:
        """Turns a rollout may consult in, at every step of a run: constant until the last (evaluation has none)."""
        return TurnBudget(self.turns, self.turns, total_steps)


class Budget(Settings):
    """What a run may spend; the same for every trained method of an experiment."""

    steps: int = Field(ge=1)
    prompts_per_step: int = Field(ge=1)
    rollouts_per_prompt: int = Field(ge=2)
    mini_batches: int = Field(1, ge=1)
    validate_every: int = Field(ge=1)
    validation_samples: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)

    @model_validator(mode="after")
    def _divisible(self) -> "Budget":
        if self.prompts_per_step % self.mini_batches:
            raise ValueError(
                f"prompts_per_step ({self.prompts_per_step}) has to be a multiple of mini_batches ({self.mini_batches})"
            )
        return self


class Optimiser(Settings):
    """GRPO's and AdamW's numbers, the same for every trained method of an experiment."""

    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(0.01, ge=0)
    clip_low: float = Field(0.2, gt=0, lt=1)
    clip_high: float = Field(0.28, gt=0)
    grad_clip: float = Field(1.0, gt=0)
    kl_coefficient: float = Field(0.0, ge=0)
    temperature: float = Field(1.0, gt=0)


class Lengths(Settings):
    """Token limits of a rollout; a response counts what the policy writes and the replies it is shown."""

    prompt: int = Field(ge=1)
    response: int = Field(ge=1)


class Threads(Settings):
    """Threads of the engines on a CPU; without meaning on accelerators."""

    trainer: int = Field(1, ge=1)
    rollout: int = Field(1, ge=1)


class RunSettings(Settings):
    """One training run."""

    experiment: str
    method: Name
    kind: Literal["rl"]
    seed: int = Field(ge=0)
    policy: Path
    train_file: Path
    validation_file: Path
    system_prompt: str | None = None
    experts: tuple[Endpoint, ...] = ()
    consultation: Consultation
    budget: Budget
    optimiser: Optimiser
    lengths: Lengths
    threads: Threads = Threads()
    verl: dict[str, Any] = Field(default_factory=dict)
    config_sha256: str

    @property
    def consults(self) -> bool:
        """Whether rollouts of this run may consult at all."""
        return self.consultation.trigger != "never" and self.consultation.turns > 0

    @model_validator(mode="after")
    def _experts_present(self) -> "RunSettings":
        if self.consults and not self.experts:
            raise ValueError(f"method {self.method} consults, but the run names no expert")
        return self
