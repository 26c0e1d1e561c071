"""What the runs of the trials say: each one's score, and the rule file made of them."""

import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml
from pydantic import Field

from eapo_verl.record import step_log
from eapo_verl.record.provenance import commits, different
from eapo_verl.settings.base import Name, Settings
from workflow.command import BadInput
from workflow.tuning.rule import RULE, RuleFile, Trial, Tuned, choose

_HEADER = "# Written by `snakemake tune`. An experiment takes it over that names it as `tuned`; see docs/tuning.md.\n"
#: Of run.json's hardware, what the rule file says.
_MACHINE = ("cpu", "cores", "accelerators")


class Runs(Settings):
    """A trial: the keys that it replaces, and by seed the folders of its runs and what they are told apart by."""

    changes: dict[str, Any]
    runs: tuple[Path, ...] = Field(min_length=1)
    config_sha256: tuple[str, ...]


class Job(Settings):
    """What a rule file is made from; the first four keys stand in it (:class:`workflow.tuning.rule.RuleFile`).

    Attributes:
        validation_samples: answers to each validation problem.
        arms: the trials of each arm.
    """

    experiment: str
    made_for: dict[str, Any]
    seeds: tuple[int, ...]
    validation: dict[str, Any]
    validation_samples: int
    arms: dict[Name, tuple[Runs, ...]]


def rule_file(job: Job, problems: int) -> RuleFile:
    """Read every run, and choose.

    Args:
        job: which runs.
        problems: how many tuning has.

    Raises:
        BadInput: a run is missing, is another one, or was not validated.
    """
    manifests: list[dict[str, Any]] = []
    arms = {}
    for name, trials in job.arms.items():
        scored = [_trial(runs, problems, job.validation_samples, manifests) for runs in trials]
        arms[name] = Tuned(chosen=choose([trial.score for trial in scored]), trials=tuple(scored))
    machines = [{key: one["hardware"][key] for key in _MACHINE} for one in manifests]
    return RuleFile(
        rule=RULE,
        experiment=job.experiment,
        made_for=job.made_for,
        seeds=job.seeds,
        validation=job.validation,
        commits=tuple(commits(manifests)),
        hardware=tuple(different(machines)),
        arms=arms,
    )


def text(rule: RuleFile) -> str:
    """The file's content."""
    plain = rule.model_dump(mode="json")
    return _HEADER + yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=120)


def _trial(one: Runs, problems: int, samples: int, manifests: list[dict[str, Any]]) -> Trial:
    accuracies, judged = [], []
    for folder, digest in zip(one.runs, one.config_sha256, strict=True):
        try:
            manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            steps = step_log.read_steps(folder / step_log.FILE)
        except (OSError, ValueError) as error:
            raise BadInput(f"{folder}: the run cannot be read: {error}") from error
        if manifest["config_sha256"] != digest:
            raise BadInput(f"{folder}: run.json is that of another run ({manifest['config_sha256']}, not {digest})")
        measured = [step["accuracy_val_unassisted"] for step in steps if step["accuracy_val_unassisted"] is not None]
        if not measured or not 0 <= measured[-1] <= 1:
            raise BadInput(f"{folder}: {step_log.FILE} holds no validation accuracy of the run's end")
        manifests.append(manifest)
        accuracies.append(measured[-1])
        # A problem whose prompt is too long is not asked.
        judged.append(problems - (manifest.get("dropped_prompts") or {}).get("validation", 0))
    score = fmean(accuracies)
    return Trial(
        changes=one.changes,
        score=round(score, 6),
        standard_error=round(math.sqrt(score * (1 - score) / min(judged)), 6),
        answers=sum(judged) * samples,
        accuracies=tuple(round(accuracy, 6) for accuracy in accuracies),
        config_sha256=one.config_sha256,
    )
