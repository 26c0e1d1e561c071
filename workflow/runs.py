"""The settings of each run of an experiment, and what they are told apart by."""

import hashlib
import json
from pathlib import Path
from typing import Any

from eapo_verl.settings.identity import identity
from workflow.experiment import Experiment
from workflow.methods import leaves
from workflow.models import LocalModel
from workflow.solutions.settings import Solutions


def run_settings(
    experiment: Experiment, name: str, method: str, seed: int, folder: Path, own: Path | None = None
) -> dict[str, Any]:
    """The settings of one run, ready for its kind's program but for the addresses of served experts.

    Args:
        experiment: the experiment.
        name: its name, that of its file.
        method: one of its arms.
        seed: one of its seeds.
        folder: the experiment's results folder, in which data and models lie.
        own: the folder of its runs and validation problems, where that is another one.
    """
    own = own or folder
    arm = experiment.arms[method]
    needs = arm.needs()
    settings: dict[str, Any] = {
        "experiment": name,
        "method": method,
        "kind": experiment.method(method).kind,
        "seed": seed,
        "policy": str(policy_folder(experiment, folder, method, seed, own)),
        "experts": [expert.settings() for expert in experiment.experts_named(needs.experts)],
        **arm.settings(),
        "departures": departures(experiment, method),
        "config_sha256": config_sha256(experiment, method, seed),
    }
    served = {one.name: one.serve for one in experiment.experts_named(needs.experts) if one.serve is not None}
    if served:
        settings["served"] = {name: str(model_folder(experiment, folder, model)) for name, model in served.items()}
    if needs.problems:
        settings |= {f"{part}_file": str(path) for part, path in run_problems(folder, own).items()}
    if needs.runs:
        settings["runs"] = {other: str(run_folder(own, other, seed) / "run.json") for other in needs.runs}
    if needs.models:
        settings["models"] = {model: str(model_folder(experiment, folder, model)) for model in needs.models}
    if needs.solutions:
        settings["solutions"] = {expert: str(solutions_file(folder, expert)) for expert in needs.solutions}
    return settings


def model_folder(experiment: Experiment, folder: Path, name: str) -> Path:
    """The folder of one of the experiment's models; ``folder`` is that of its results."""
    model = experiment.models[name]
    return model.path if isinstance(model, LocalModel) and not model.is_gguf else folder / "models" / name


def policy_folder(experiment: Experiment, folder: Path, method: str, seed: int, own: Path | None = None) -> Path:
    """The folder of the model that an arm starts from: one of the experiment's, or another arm's trained one."""
    arm = experiment.arms[method]
    if (start := arm.needs().start) is not None:
        return run_folder(own or folder, start, seed) / "model"
    return model_folder(experiment, folder, arm.policy)


def run_folder(folder: Path, method: str, seed: int) -> Path:
    """The folder of a run in an experiment's results folder."""
    return folder / "runs" / method / f"seed{seed}"


def problems_file(folder: Path, name: str) -> Path:
    """The file of a problem set in an experiment's results folder."""
    return folder / "data" / f"{name}.jsonl"


def run_problems(folder: Path, own: Path) -> dict[str, Path]:
    """The problems of a run; arguments as :func:`run_settings` has them."""
    return {"train": problems_file(folder, "train"), "validation": problems_file(own, "validation")}


def solutions_file(folder: Path, expert: str) -> Path:
    """The file of an expert's solutions of the training problems in an experiment's results folder."""
    return folder / "solutions" / f"{expert}.jsonl"


def config_sha256(experiment: Experiment, method: str, seed: int) -> str:
    """What a run is told apart by: a digest of all that its result depends on.

    That is the arm, the models and the experts that it needs, whatever they are called in ``models``, the problems, and
    the runs of other arms that it needs; of each the keys that are no mere matter of operation
    (:mod:`eapo_verl.settings.identity`). Where files lie, what the experiment is called, and what its other arms are,
    is not in it.
    """
    arm = experiment.arms[method]
    needs = arm.needs()
    parts: dict[str, Any] = {
        "kind": experiment.method(method).kind,
        "method": method,
        "seed": seed,
        "arm": {key: value for key, value in identity(arm).items() if key not in ("policy", "experts")},
        "policy": identity(experiment.models[arm.policy]) if needs.start is None else None,
        "runs": [config_sha256(experiment, other, seed) for other in needs.runs],
        "models": [identity(experiment.models[name]) for name in needs.models],
        "experts": [expert_identity(experiment, name) for name in needs.experts],
        "solutions": [expert_identity(experiment, name) for name in needs.solutions],
    }
    if needs.problems:
        parts |= {"train": identity(experiment.train), "validation": identity(experiment.validation)}
    if needs.solutions:
        parts["asked"] = identity(asked_solutions(experiment))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def asked_solutions(experiment: Experiment) -> Solutions:
    """What experts are asked to solve; as many problems as reinforcement learning draws prompts, if it does not say."""
    budget = experiment.training.budget
    prompts = experiment.solutions.problems or budget.steps * budget.prompts_per_step
    return experiment.solutions.model_copy(update={"problems": prompts})


def expert_identity(experiment: Experiment, name: str) -> dict[str, Any]:
    """What an expert is, the model included that is served for it."""
    (expert,) = experiment.experts_named([name])
    return identity(expert) | {"serve": expert.serve and identity(experiment.models[expert.serve])}


def departures(experiment: Experiment, method: str) -> dict[str, dict[str, Any]]:
    """The dotted keys in which an arm is not as its experiment has it, with both values.

    Keys that are the kind's own, which no experiment has, are not among them; a policy that another run trains is.
    """
    shared = experiment.shared()
    arm = experiment.arms[method]
    start = arm.needs().start
    own = arm.model_dump(mode="json") | ({} if start is None else {"policy": f"runs/{start}"})
    theirs = dict(leaves({key: value for key, value in shared.items() if key in own}))
    ours = dict(leaves({key: value for key, value in own.items() if key in shared}))
    return {
        key: {"experiment": theirs.get(key), "arm": ours.get(key)}
        for key in sorted({*theirs, *ours})
        if theirs.get(key) != ours.get(key)
    }
