"""How an experiment's models are made or fetched, as the rules see it. Pure functions."""

from pathlib import Path
from typing import Literal

from workflow.experiment import Experiment
from workflow.fits import longest
from workflow.models import EmbeddedModel, HubModel, LocalModel, PackagedModel, PhrasebookModel


class ModelsPlan:
    """The stage of the models.

    Args:
        experiment: checked.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        models = experiment.models.items()
        #: The roles of those that are put together from phrases, by name.
        self.phrasebooks = {name: one.role for name, one in models if isinstance(one, PhrasebookModel)}
        self.packaged = [name for name, one in models if isinstance(one, PackagedModel)]
        #: Those that are downloaded, or made from a file of GGUF.
        self.fetched = [
            name for name, one in models if isinstance(one, HubModel) or (isinstance(one, LocalModel) and one.is_gguf)
        ]

    def embedded(self, role: Literal["policy", "expert"]) -> list[str]:
        """The names of the embedded world's models of this role."""
        models = self._experiment.models.items()
        return [name for name, one in models if isinstance(one, EmbeddedModel) and one.role == role]

    def pretrain_arguments(self, model: str) -> list[str]:
        """Arguments of ``workflow.embedded.pretrain`` for one of the embedded models."""
        spec = self._experiment.models[model]
        assert isinstance(spec, EmbeddedModel)
        options = [f"--{key.replace('_', '-')}={value}" for key, value in spec.options.items()]
        return [f"--role={spec.role}", f"--seed={spec.seed}", *options]

    def fetch_arguments(self, model: str) -> list[str]:
        """Arguments of ``workflow.sources.fetched_model`` for a model of a hub; none for a file's."""
        one = self._experiment.models[model]
        if isinstance(one, LocalModel):
            return []
        assert isinstance(one, HubModel)
        gguf = [] if one.gguf is None else [f"--gguf={one.gguf}"]
        return [f"--repo={one.repo}", f"--revision={one.revision}", *gguf]

    def gguf_files(self, model: str) -> list[Path]:
        """The file of this machine that a fetched model is made from; none where it is downloaded."""
        one = self._experiment.models[model]
        return [one.path] if isinstance(one, LocalModel) else []

    def reads(self, model: str) -> list[str]:
        """The argument that says how long a text a fetched model has to read, by which key."""
        needed = longest(self._experiment, model)
        return [] if needed is None else [f"--reads={needed[0]}={needed[1]}"]
