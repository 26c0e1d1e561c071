"""What an experiment downloads, looked at on the hub before the first job: is it there, and may it be read?"""

from workflow.experiment import Experiment
from workflow.methods import ExperimentError
from workflow.models import HubModel
from workflow.plan import Plan
from workflow.plan_data import DataPlan
from workflow.sources.command import SourceError
from workflow.sources.fetched_model import wanted
from workflow.sources.hub_problems import split_files


def preflight_hub(experiment: Experiment, plan: Plan, data: DataPlan) -> None:
    """Ask the hub for whatever is not there yet and some arm needs; nothing large is downloaded.

    Raises:
        ExperimentError: a repository or revision does not exist, a token is missing, the hub cannot be reached, or
            there is not what is expected; the message names the key.
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
