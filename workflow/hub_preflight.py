"""What an experiment downloads, looked at on the hub before the first job: is it there, may it be read, does it fit?"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from eapo_verl.settings.placement import Heads
from workflow.experiment import Experiment
from workflow.fits import check_chat_templates, check_placement
from workflow.methods import ExperimentError
from workflow.models import HubModel, Model
from workflow.plan import Plan
from workflow.plan_data import DataPlan
from workflow.sampling.request import TEMPLATE_FILES, chat_template
from workflow.sources.command import SourceError
from workflow.sources.fetched_model import wanted
from workflow.sources.gguf import read_metadata
from workflow.sources.hub_problems import split_files

T = TypeVar("T")


def preflight_hub(experiment: Experiment, plan: Plan, data: DataPlan) -> None:
    """Ask the hub for whatever is not there yet and some arm needs; nothing large is downloaded.

    Raises:
        ExperimentError: a repository or revision does not exist, a token is missing, the hub cannot be reached, there
            is not what is expected, an arm tells a chat template what it does not read, or a model does not go into as
            many parts as it is spread over; the message names the key.
    """
    asked = ((key, one) for key, one in experiment.models_used() if not plan.model(one).exists())
    # By the first key that names it.
    models = {model: key for key, model in reversed([*asked])}
    try:
        for model, key in models.items():
            one = experiment.models[model]
            if isinstance(one, HubModel):
                label, repository = f"models.{model} ({key})", one.repository
                repository.require_access(wanted(repository, one.gguf, repository.files())[0])
        for name, problems in data.hub_sets().items():
            if not data.file(name).exists():
                label, repository = name.partition(".")[0], problems.repository
                repository.require_access(split_files(repository, problems.config, problems.split)[0])
    except SourceError as error:
        raise ExperimentError(f"{label}: {error}") from error
    try:
        check_chat_templates(experiment, _once(lambda name: _template(experiment.models[name])))
        check_placement(experiment, _once(lambda name: _heads(experiment.models[name], plan.model(name))))
    except ValueError as error:
        raise ExperimentError(str(error)) from error


def _once(read: Callable[[str], T]) -> Callable[[str], T]:
    """``read``, of a model's name, asked once for each; what it raises names the model."""

    @functools.cache
    def known(name: str) -> T:
        try:
            return read(name)
        except SourceError as error:
            raise ValueError(f"models.{name}: {error}") from error

    return known


def _heads(model: Model, folder: Path) -> Heads | None:
    """Of a model that is there, or a hub's; of another one its run says whether they fit."""
    file = folder / "config.json"
    if isinstance(model, HubModel) and model.gguf is None and not file.exists():
        file = model.repository.fetch([file.name]).folder / file.name
    try:
        return Heads.read(file)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _template(model: Model) -> str | None:
    """Of a hub's model; a file of GGUF, which is large, is read where the cache has it."""
    if not isinstance(model, HubModel):
        return None
    repository = model.repository
    if model.gguf is not None:
        file = repository.cached(model.gguf)
        return None if file is None else read_metadata(file).chat_template
    listed = repository.files()
    names = [name for name in TEMPLATE_FILES if name in listed]
    return chat_template(repository.fetch(names).folder) if names else ""
