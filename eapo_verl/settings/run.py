"""The settings of one training run, whole: what ``python -m eapo_verl.train`` reads."""

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from eapo_verl.cpu.precision import Precision
from eapo_verl.settings.base import Endpoint, Name, Seed, Settings
from eapo_verl.settings.chat_template import ChatTemplateKwargs
from eapo_verl.settings.distillation import Distillation
from eapo_verl.settings.identity import LATER, OPERATIONAL
from eapo_verl.settings.matching import Match, Matched
from eapo_verl.settings.method import Consultation, Internalization, Reward
from eapo_verl.settings.solutions import Hint, OffPolicy
from eapo_verl.settings.verl_keys import PPO, check_keys


class RunError(Exception):
    """What is wrong with a run's input, in one line."""


class RunStopped(RuntimeError):
    """Why a run cannot go on, in one line; its last checkpoint is kept."""


class Budget(Settings):
    """What a run may spend, and lose.

    A rollout that raises is counted, and its group is smaller. Where more than the share ``failed_rollouts`` of a
    step's do, the run is stopped (not stated; our choice).
    """

    steps: int = Field(ge=1)
    prompts_per_step: int = Field(ge=1)
    rollouts_per_prompt: int = Field(ge=2)
    mini_batches: int = Field(1, ge=1)
    validate_every: int = Field(ge=1)
    validation_samples: int = Field(ge=1)
    checkpoint_every: Annotated[int, OPERATIONAL] = Field(ge=1)
    failed_rollouts: Annotated[float, OPERATIONAL] = Field(0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _divisible(self) -> "Budget":
        if self.prompts_per_step % self.mini_batches:
            raise ValueError(
                f"prompts_per_step ({self.prompts_per_step}) has to be a multiple of mini_batches ({self.mini_batches})"
            )
        return self

    @property
    def rollouts(self) -> int:
        """Of training prompts, in the whole run, where none is thrown away."""
        return self.steps * self.prompts_per_step * self.rollouts_per_prompt

    @property
    def mini_batch(self) -> int:
        """Rollouts of an optimiser step."""
        return self.prompts_per_step * self.rollouts_per_prompt // self.mini_batches


class Overlong(Settings):
    """DAPO's soft penalty for length (2503.14476, eq. 13).

    In the last part of a response, of which ``buffer`` is the share, the reward falls linearly, by ``penalty`` at the
    limit. DAPO's own numbers: 4096 of 20480 tokens, a fifth, and 1.
    """

    buffer: float = Field(0.2, gt=0, le=1)
    penalty: float = Field(1.0, gt=0)

    def reward(self, tokens: int, limit: int) -> float:
        """What a response of so many tokens is charged, a number that is at most 0; ``limit`` in tokens, too."""
        return min(0.0, ((limit - tokens) / (self.buffer * limit) - 1.0) * self.penalty)


class Optimiser(Settings):
    """GRPO's, DAPO's and AdamW's numbers.

    DAPO is ``clip_high`` above ``clip_low``, ``loss_aggregation`` token-mean, ``dynamic_sampling`` (groups whose
    rollouts are all right or all wrong are replaced; a run whose step discards ``dynamic_sampling_batches`` batches, 10
    as in DAPO's recipe, is stopped), ``overlong``, and no KL; GRPO is without them, with
    ``loss_aggregation`` seq-mean-token-mean and a KL loss. (seq-mean-token-sum-norm divides each response's sum by one
    constant, ``lengths.response``.) ``kl_coefficient`` is that of the loss, ``kl_reward_coefficient`` that of the
    penalty in the reward; 0 switches either off.
    """

    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(0.01, ge=0)
    clip_low: float = Field(0.2, gt=0, lt=1)
    clip_high: float = Field(0.28, gt=0)
    grad_clip: float = Field(1.0, gt=0)
    loss_aggregation: Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"] = (
        "token-mean"
    )
    normalise_by_std: bool = True
    dynamic_sampling: bool = False
    dynamic_sampling_batches: int = Field(10, ge=1)
    overlong: Overlong | None = None
    kl_coefficient: float = Field(0.0, ge=0)
    kl_reward_coefficient: float = Field(0.0, ge=0)
    #: vLLM takes a lower one for this.
    temperature: float = Field(1.0, ge=0.01)


class Lengths(Settings):
    """Token limits of a rollout; a response counts what the policy writes and the replies it is shown."""

    prompt: int = Field(ge=1)
    response: int = Field(ge=1)


class Threads(Settings):
    """Threads of the engines on a CPU; without meaning on accelerators."""

    trainer: int = Field(1, ge=1, le=1024)
    rollout: int = Field(1, ge=1, le=1024)


class Transcripts(Settings):
    """Which rollouts are written down word for word, beside all of the last validation.

    Whole groups, since an advantage compares the rollouts of one prompt: those of the first ``groups_per_step`` prompts
    that a training step asks for. Prompts come in an order that the run's seed shuffles.
    """

    groups_per_step: int = Field(1, ge=0)


class Training(Settings):
    """How an arm is trained; an experiment gives every arm the same, but where an arm declares that it departs from it.

    ``trainer`` is verl's: ``sync`` waits for a step's rollouts before it learns, ``colocate_async`` has the next ones
    under way while it does (docs/asynchronous-training.md); it is without meaning where nothing is sampled.
    ``precision`` is that of the engines on a CPU, without meaning on accelerators; ``trackers`` are where verl logs to
    beside the run's own files; where no step has ended for ``stall_minutes``, the run says what it waits for; ``verl``
    holds any key of verl's own configuration, dotted.
    """

    budget: Budget
    optimiser: Optimiser
    lengths: Lengths
    transcripts: Transcripts = Transcripts()
    trainer: Annotated[Literal["sync", "colocate_async"], LATER] = "sync"
    threads: Annotated[Threads, OPERATIONAL] = Threads()
    precision: Precision = "float32"
    trackers: Annotated[tuple[Literal["tensorboard", "wandb"], ...], OPERATIONAL] = ("tensorboard",)
    stall_minutes: Annotated[float, OPERATIONAL] = Field(15.0, gt=0)
    verl: dict[str, Any] = Field(default_factory=dict)

    @field_validator("verl")
    @classmethod
    def _known_to_verl(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_keys(value, PPO)
        return value

    @model_validator(mode="after")
    def _some_token_in_the_buffer(self) -> "Training":
        overlong, response = self.optimiser.overlong, self.lengths.response
        if overlong is not None and overlong.buffer * response < 1:
            raise ValueError(
                f"optimiser.overlong.buffer: {overlong.buffer} of a response of {response} tokens (lengths.response) "
                f"are less than one; allowed are {1 / response:.3g} to 1"
            )
        return self

    @property
    def overlapping(self) -> bool:
        """Whether rollouts go on while the policy learns, so that one may hold words of several policies."""
        return self.trainer == "colocate_async"

    @property
    def corrected(self) -> bool:
        """Whether the update weighs tokens by how much likelier the policy makes them than the engine did."""
        rules = ("algorithm.rollout_correction.rollout_is", "algorithm.rollout_correction.rollout_rs")
        return self.overlapping or any(self.verl.get(rule) is not None for rule in rules)


class Departure(Settings):
    """A key that an arm does not take from its experiment, with both values."""

    experiment: Any
    arm: Any


class AnyRun(Training):
    """What a run of any kind is told.

    ``solutions`` are files of experts' solutions of the training problems, by the expert; ``served`` the folders of the
    models that experts are served from, where they are. ``departures`` are recorded, not acted on: the dotted keys in
    which the run is not as its experiment has it.
    """

    experiment: str
    method: Name
    kind: Name
    seed: Seed
    policy: Path
    train_file: Path
    validation_file: Path
    system_prompt: str | None = None
    chat_template_kwargs: ChatTemplateKwargs = Field(default_factory=dict)
    experts: tuple[Endpoint, ...] = ()
    solutions: dict[Name, Path] = Field(default_factory=dict)
    served: dict[Name, Path] = Field(default_factory=dict)
    consultation: Consultation
    departures: dict[str, Departure] = Field(default_factory=dict)
    config_sha256: str

    @property
    def inputs(self) -> list[Path]:
        """The files and the models' folders whose contents the run's result depends on."""
        return [self.policy, self.train_file, self.validation_file, *self.solutions.values(), *self.served.values()]


class RunSettings(AnyRun):
    """One run of reinforcement learning.

    ``models`` are folders of models beside the policy, by name. ``runs`` holds the ``run.json`` of other arms' runs of
    the same seed, by the arm: of those that ``match`` names, and of ``start_from``, the arm whose model ``policy`` is,
    where that is no model of the experiment. ``matched`` is what ``match`` came to, known when the run starts.
    ``hint`` and ``off_policy`` use ``solutions``.
    """

    reward: Reward = Reward()
    internalization: Internalization = Internalization()
    runs: dict[Name, Path] = Field(default_factory=dict)
    start_from: Name | None = None
    match: Match | None = None
    matched: Matched | None = None
    models: dict[Name, Path] = Field(default_factory=dict)
    distillation: Distillation | None = None
    hint: Hint | None = None
    off_policy: OffPolicy | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "RunSettings":
        if self.consultation.possible and not self.experts:
            raise ValueError(f"method {self.method} consults, but the run names no expert")
        if self.distillation is not None and self.distillation.teacher not in self.models:
            raise ValueError(f"distillation.teacher: {self.distillation.teacher!r} is none of the run's models")
        others = [self.start_from, *((self.match.arm, self.match.like) if self.match else ())]
        for arm in others:
            if arm is not None and arm not in self.runs:
                raise ValueError(f"runs: the run of {arm} is not among them, which it goes by")
        if (self.hint or self.off_policy) and not self.solutions:
            raise ValueError(f"method {self.method} uses experts' solutions, but the run names no file of them")
        if self.off_policy:
            self.off_policy.check(self.consultation, self.optimiser, self.budget.rollouts_per_prompt)
        return self

    @property
    def inputs(self) -> list[Path]:
        """As of any run, and the models beside the policy."""
        return [*super().inputs, *self.models.values()]

    @property
    def checkpoint_name(self) -> str:
        """Of its configuration and budget; each has a folder of checkpoints of its own."""
        return self.config_sha256[:12] + (f"-{self.matched.made}" if self.matched else "")

    @property
    def teacher(self) -> Path | None:
        """The folder of the model that scores the policy's rollouts; None where none does."""
        return None if self.distillation is None else self.models[self.distillation.teacher]


@functools.cache
def read_run(text: str) -> RunSettings:
    """The settings that ``text`` holds as JSON; the same text is read once a process."""
    return RunSettings.model_validate_json(text)
