"""What the stage of experts' solutions is told: its part of an experiment, and the settings of one job."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from eapo_verl.method.grammar import Tags
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings, Seed, Settings
from eapo_verl.settings.identity import OPERATIONAL


class Solutions(Settings):
    """What experts are asked to solve, and how much of it is kept; numbers without a source are not stated, our choice.

    The budget is ``problems`` times ``samples`` requests of ``max_tokens`` at most, to each expert. ``problems`` None:
    as many as reinforcement learning draws prompts. ``per_problem`` caps the different right solutions that are kept of
    a problem, so that easy ones do not crowd out the rest. ``prompt`` is what an expert is asked, with the problem, as
    its task puts it, in the place of ``{problem}``. A sample, repeated requests included, takes ``deadline_s`` at most.
    """

    problems: int | None = Field(None, ge=1)
    samples: int = Field(4, ge=1)
    per_problem: int = Field(2, ge=1)
    temperature: float = Field(1.0, ge=0)
    max_tokens: int = Field(2048, ge=1)
    prompt: str = "{problem}"
    seed: Seed = 0
    deadline_s: Annotated[float, OPERATIONAL] = Field(600.0, gt=0)

    @field_validator("prompt")
    @classmethod
    def _has_problem(cls, value: str) -> str:
        if "{problem}" not in value:
            raise ValueError("prompt has to contain {problem}")
        return value

    @model_validator(mode="after")
    def _samples_differ(self) -> "Solutions":
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(
                f"samples is {self.samples}; at temperature 0 all of a problem are alike, and it has to be 1"
            )
        return self

    def most(self, problems: int) -> int:
        """How many different right solutions of a training set of so many problems are kept of an expert, at most."""
        return min(problems, self.problems or problems) * min(self.samples, self.per_problem)


class JobSettings(Settings):
    """One expert's job.

    Attributes:
        experiment: its name.
        expert: who is asked; ``max_tokens`` and ``temperature`` are replaced by those of ``solutions``.
        model: the folder of the model that is served for this expert; None where it is elsewhere.
        problems_file: the training problems.
        solutions: with ``problems`` given.
        pool: limits of trouble; its deadline is replaced by that of ``solutions``.
        tags: that no solution may hold.
    """

    experiment: str
    expert: Endpoint
    model: Path | None = None
    problems_file: Path
    solutions: Solutions
    pool: ExpertPoolSettings = ExpertPoolSettings()
    tags: Tags = Tags()

    @property
    def endpoint(self) -> Endpoint:
        """The expert as it is asked for solutions."""
        asked = self.solutions
        changes: dict[str, Any] = {"max_tokens": asked.max_tokens, "temperature": asked.temperature}
        return self.expert.model_copy(update=changes | {"timeout_s": asked.deadline_s})
