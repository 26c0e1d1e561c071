"""The rule file: by which rule, for what and on what evidence each arm's hyperparameters were chosen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from eapo_verl.settings.base import Name, Settings, Text
from eapo_verl.settings.errors import one_line
from workflow.documents import LARGEST_FILE, read_document

RULE = (
    "Each trained arm gets the same number of trials, of which the first is the arm as it is. A trial's score is the "
    "mean, over the seeds of tuning, of the share of right answers, without experts, in its run's last validation. The "
    "highest score is chosen; of equal ones the first."
)

Share = Annotated[float, Field(ge=0, le=1)]


class Trial(Settings):
    """One trial of an arm.

    Attributes:
        changes: the keys that it replaces.
        score: the mean of ``accuracies``.
        standard_error: of the score, at most: of the mean of m problems, sqrt(score (1 - score) / m), which it is where
            all answers to a problem are alike. Seeds are not in it.
        answers: that were judged, in all.
        accuracies: of the last validation, by seed.
        config_sha256: of its runs, by seed.
    """

    changes: dict[str, Any]
    score: Share
    standard_error: float = Field(ge=0)
    answers: int = Field(ge=1)
    accuracies: tuple[Share, ...] = Field(min_length=1)
    config_sha256: tuple[Text, ...] = Field(min_length=1)


class Tuned(Settings):
    """What was tried for one arm; ``chosen`` is the number of a trial, counted from 1."""

    chosen: int
    trials: tuple[Trial, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _by_the_rule(self) -> "Tuned":
        best = choose([trial.score for trial in self.trials])
        if self.chosen != best:
            raise ValueError(f"chosen is {self.chosen}, but by the scores it is trial {best}")
        return self


class RuleFile(Settings):
    """The whole file.

    Attributes:
        rule: in words.
        experiment: its name.
        made_for: what the experiment was, as far as its arms share it.
        seeds: of tuning.
        validation: the problems of tuning, as the experiment says it.
        commits: of the code that made the runs.
        hardware: that they were made on.
        arms: by name.
    """

    rule: Text
    experiment: Text
    made_for: dict[str, Any]
    seeds: tuple[int, ...]
    validation: dict[str, Any]
    commits: tuple[Text | None, ...]
    hardware: tuple[dict[str, Any], ...]
    arms: dict[Name, Tuned]

    @model_validator(mode="after")
    def _one_number_of_trials(self) -> "RuleFile":
        counts = {name: len(arm.trials) for name, arm in self.arms.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"arms: not all have the same number of trials: {counts}")
        return self

    @property
    def choices(self) -> dict[str, dict[str, Any]]:
        """The keys that are replaced in each arm."""
        return {name: arm.trials[arm.chosen - 1].changes for name, arm in self.arms.items()}


def choose(scores: Sequence[float]) -> int:
    """The number, from 1, of the highest score, and of equal ones the first, which may be the arm as it is."""
    return scores.index(max(scores)) + 1


def read_rule(path: Path) -> RuleFile:
    """Read a rule file.

    Raises:
        ValueError: it is none, or was changed by hand against its own rule; the message is one line.
    """
    try:
        return RuleFile.model_validate(read_document(path, longest_texts=LARGEST_FILE))
    except FileNotFoundError as error:
        raise ValueError(f"tuned: {path} does not exist; `snakemake tune` makes such a file, null is none") from error
    except (OSError, ValueError) as error:
        raise ValueError(one_line(f"tuned: {path}", error)) from error
