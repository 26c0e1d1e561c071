"""The experiment that tuning is: the arms and their trials, on seeds and validation problems of its own."""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from eapo_verl.settings.errors import one_line
from eapo_verl.settings.identity import identity
from workflow import methods
from workflow.experiment import Experiment
from workflow.methods import ExperimentError, Variant, leaves
from workflow.runs import config_sha256, expert_identity
from workflow.tuning.grids import FILE, read_grid
from workflow.tuning.rule import RuleFile
from workflow.tuning.settings import Tuning


class Trial(NamedTuple):
    """A trial: the arm of the tuning experiment that it is, and the keys that it replaces."""

    name: str
    changes: dict[str, Any]


class Trials(NamedTuple):
    """The tuning experiment, and by each arm that is tuned its trials, of which the first is the arm itself.

    Other arms' runs that a trial needs (``start_from``, ``match``) are those of the arms as they are.
    """

    tuning: Tuning
    experiment: Experiment
    arms: dict[str, list[Trial]]


def trials_of(experiment: Experiment) -> Trials:
    """What `snakemake tune` runs; earlier choices (``tuned``) are not in it.

    Raises:
        ExperimentError: the experiment says nothing of tuning, an arm cannot be tuned, or its grid is not allowed; the
            message is one line.
    """
    tuning = experiment.tuning
    if tuning is None:
        raise ExperimentError("tuning is missing; needed are trials, seeds and validation (docs/tuning.md)")
    own = {"seeds": tuning.seeds, "validation": tuning.validation, "tuning": None, "tuned": None}
    plain = _with(experiment, own)
    arms: dict[str, list[Trial]] = {}
    for name in _tuned_arms(plain):
        grid = read_grid(methods.METHODS / name / FILE, tuning.trials, plain.arms[name].model_dump(mode="json"))
        names = [name, *(f"{name}_trial{number}" for number in range(2, tuning.trials + 1))]
        arms[name] = [Trial(*pair) for pair in zip(names, grid, strict=True)]
    added = {trial.name: (name, trial.changes) for name, trials in arms.items() for trial in trials[1:]}
    if taken := added.keys() & plain.variants.keys():
        raise ExperimentError(f"variants: {min(taken)!r} is the name of a trial")
    variants = {name: _variant(plain, name, *trial) for name, trial in added.items()}
    update = {"methods": (*plain.methods, *variants), "variants": {**plain.variants, **variants}}
    return Trials(tuning, _with(plain, update), arms)


def basis(experiment: Experiment) -> dict[str, Any]:
    """What hyperparameters are tuned for, as far as all arms share it."""
    return {
        "policy": identity(experiment.models[experiment.policy]),
        "experts": {expert.name: expert_identity(experiment, expert.name) for expert in experiment.experts},
        "train": identity(experiment.train),
        "budget": identity(experiment.training.budget),
    }


def check_rule(path: Path, rule: RuleFile, experiment: Experiment, trials: Trials) -> None:
    """Check that a rule file is the experiment's.

    Args:
        path: of the file.
        rule: what stands in it.
        experiment: that names it.
        trials: the experiment's.

    Raises:
        ExperimentError: it was made for another model, expert, training set or budget, lacks an arm, or an arm, its
            grid or the problems and seeds of tuning are others now; the message is one line.
    """
    theirs, ours = dict(leaves(rule.made_for)), dict(leaves(basis(experiment)))
    for key in sorted({*theirs, *ours}):
        if theirs.get(key) != ours.get(key):
            raise ExperimentError(
                f"tuned: {path}: it was made for another experiment: {key} is {theirs.get(key)!r} there and "
                f"{ours.get(key)!r} here"
            )
    again = "to tune again, say tuned: null and run `snakemake tune`"
    for name, known in trials.arms.items():
        if name not in rule.arms:
            raise ExperimentError(f"tuned: {path}: method {name} is not in it; {again}")
        made = [trial.config_sha256 for trial in rule.arms[name].trials]
        needed = [
            tuple(config_sha256(trials.experiment, trial.name, seed) for seed in trials.tuning.seeds) for trial in known
        ]
        if made != needed:
            raise ExperimentError(
                f"tuned: {path}: method {name}: it, its {FILE} or tuning was another when the file was made; {again}"
            )


def _tuned_arms(experiment: Experiment) -> list[str]:
    """The trained methods that ship; a variant takes over what is chosen for its own."""
    trained = [name for name, arm in experiment.arms.items() if arm.program is not None]
    for name in trained:
        if name in experiment.variants and (of := experiment.variants[name].of) not in trained:
            raise ExperimentError(f"method {name}: it is tuned as {of}, which is none of methods")
    return [name for name in trained if name not in experiment.variants]


def _variant(experiment: Experiment, name: str, of: str, changes: dict[str, Any]) -> Variant:
    try:
        variant = Variant.model_validate({"of": of, **changes})
        variant.applied_to(experiment.method(of), name).arm(name, experiment.shared())
    except ValueError as error:
        raise ExperimentError(one_line(f"baselines/{of}/{FILE}", error)) from error
    return variant


def _with(experiment: Experiment, update: dict[str, Any]) -> Experiment:
    values = {key: getattr(experiment, key) for key in Experiment.model_fields}
    try:
        return Experiment.model_validate(values | update)
    except ValidationError as error:
        raise ExperimentError(one_line("tuning", error)) from error
