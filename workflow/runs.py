"""The settings of each training run of an experiment."""

import hashlib
import json
from pathlib import Path
from typing import Any

from workflow.experiment import Experiment


def run_settings(
    experiment: Experiment, name: str, method: str, seed: int, folder: Path, policy: Path
) -> dict[str, Any]:
    """The settings of one run, ready for ``eapo_verl.train`` but for the addresses of served experts.

    Args:
        experiment: the experiment.
        name: its name, that of its file.
        method: one of its methods.
        seed: one of its seeds.
        folder: the experiment's results folder, in which data lie.
        policy: the folder of the model to train.
    """
    parts = experiment.parts(method)
    consults = parts.consultation.possible
    training = experiment.training
    settings: dict[str, Any] = {
        "experiment": name,
        "method": method,
        "kind": experiment.method(method).kind,
        "seed": seed,
        "policy": str(policy),
        "train_file": str(folder / "data" / "train.jsonl"),
        "validation_file": str(folder / "data" / "validation.jsonl"),
        "system_prompt": training.system_prompt,
        "experts": [expert.settings() for expert in experiment.experts] if consults else [],
        **{key: part.model_dump(mode="json") for key, part in parts._asdict().items()},
        "budget": training.budget.model_dump(mode="json"),
        "optimiser": training.optimiser.model_dump(mode="json"),
        "lengths": training.lengths.model_dump(mode="json"),
        "transcripts": training.transcripts.model_dump(mode="json"),
        "threads": training.threads.model_dump(mode="json"),
        "precision": training.precision,
        "verl": training.verl | experiment.method(method).verl,
    }
    world = {"models": experiment.models, "train": experiment.train, "validation": experiment.validation}
    identity = settings | {key: json.loads(_dump(value)) for key, value in world.items()}
    return settings | {"config_sha256": hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()}


def _dump(value: Any) -> str:
    return json.dumps(value, default=lambda model: model.model_dump(mode="json"), sort_keys=True)
