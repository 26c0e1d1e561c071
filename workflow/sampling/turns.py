"""How a response takes several turns of the model, and who is asked between them: what the command line says of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, JsonValue, TypeAdapter, model_validator

from baselines.procedure import Procedure, Replies
from baselines.procedures import AnyProcedure
from eapo_verl.experts.api_keys import read_headers
from eapo_verl.record.contents import model_digest
from eapo_verl.record.costs import count_parameters
from eapo_verl.settings.base import Endpoint, ExpertLimits
from eapo_verl.settings.errors import one_line
from eapo_verl.settings.identity import LATER, OPERATIONAL, identity
from workflow.sampling.other_samples import flops_a_sample
from workflow.sampling.request import SamplingError


class AskedExpert(ExpertLimits):
    """An expert: a model in `folder`, which is being served at an address to be told, or one at `base_url` already."""

    folder: Annotated[Path | None, OPERATIONAL] = None
    #: Of a served one, in tokens: a longer question fails.
    max_model_len: int | None = None
    #: Likewise: what the server computes otherwise by.
    quantization: Annotated[str | None, LATER] = None
    vllm: Annotated[dict[str, JsonValue], LATER] = Field(default_factory=dict)
    base_url: Annotated[str | None, OPERATIONAL] = None
    model: str | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> AskedExpert:
        if (self.folder is None) == (self.base_url is None or self.model is None):
            raise ValueError(f"expert {self.name} needs either folder, or base_url and model")
        return self

    @property
    def size(self) -> int | None:
        """Its parameters: counted where it is served, else as stated; None: unknown."""
        return self.parameters if self.folder is None else count_parameters(self.folder)

    def endpoint(self, started: dict[str, Any], max_tokens: int | None) -> Endpoint:
        """Where it is; `started` holds addresses of those that are served, `max_tokens`, if any, is its new limit."""
        fields = self.model_dump(exclude={"folder", "max_model_len", "quantization", "vllm"}, exclude_none=True)
        fields |= {} if max_tokens is None else {"max_tokens": max_tokens}
        return Endpoint(**fields | started.get(self.name, {}))


@dataclass(frozen=True)
class Turns:
    """A procedure, and the experts that it asks. Raises SamplingError where it would ask and there is none.

    `matched` says what a number of the procedure came to that other arms' samples decide.
    """

    procedure: Procedure
    replies: Replies | None = None
    experts: tuple[AskedExpert, ...] = ()
    endpoints: Path | None = None
    matched: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [expert.name for expert in self.experts]
        if self.procedure.asks and not (names and self.replies):
            raise SamplingError(f"--procedure {self.procedure.name} needs --replies, and an expert in --experts")
        if len(set(names)) < len(names):
            raise SamplingError(f"--experts names {', '.join(names)}; each expert is allowed once")

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """What samples depend on; models that are served count by what their folders hold."""
        digests: dict[Path | None, str | None] = {None: None}
        # A model that is served more than once is read once.
        digests |= {folder: model_digest(folder) for folder in {one.folder for one in self.experts} if folder}
        return {
            "procedure": identity(self.procedure),
            "replies": self.replies and identity(self.replies),
            "experts": [identity(one) | {"model_sha256": digests[one.folder]} for one in self.experts],
        }

    def addresses(self) -> list[Endpoint]:
        """Where the experts are.

        Raises SamplingError for an expert without an address, or without its key in the environment.
        """
        limit = None if self.replies is None else self.replies.max_tokens
        try:
            started = {} if self.endpoints is None else json.loads(self.endpoints.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SamplingError(one_line("--endpoints", error)) from error
        for expert in self.experts:
            if expert.folder is not None and expert.name not in started:
                raise SamplingError(f"--experts: {expert.name} is served, and --endpoints has to say where")
        try:
            found = [expert.endpoint(started, limit) for expert in self.experts]
            for endpoint in found:
                read_headers(endpoint)
        except ValueError as error:
            raise SamplingError(one_line("--experts", error)) from error
        return found


def read_turns(
    procedure: str | None,
    replies: str | None,
    experts: str | None,
    endpoints: Path | None,
    samples_of: str | None = None,
) -> Turns | None:
    """What the options of those names say, JSON but for `endpoints`; None without a procedure.

    Raises SamplingError for text that is not JSON, for values that are not allowed, and where a number of the procedure
    follows from samples that are not there or do not say what they cost.
    """
    if procedure is None:
        if replies or experts or endpoints or samples_of:
            raise SamplingError("--replies, --experts, --endpoints and --samples-of are allowed with --procedure alone")
        return None
    asked_for: Procedure = _read("--procedure", TypeAdapter(AnyProcedure), procedure)
    files: dict[str, list[Path]] = _read("--samples-of", TypeAdapter(dict[str, list[Path]]), samples_of or "{}")
    worth = asked_for.worth
    if worth is not None and (missing := {worth.arm, worth.like} - files.keys()):
        raise SamplingError(f"--samples-of: the procedure goes by samples of {', '.join(sorted(missing))}, not there")
    settled, matched = asked_for.settled({arm: flops_a_sample(paths) for arm, paths in files.items()})
    return Turns(
        procedure=settled,
        matched=matched,
        replies=None if replies is None else _read("--replies", TypeAdapter(Replies), replies),
        experts=() if experts is None else _read("--experts", TypeAdapter(tuple[AskedExpert, ...]), experts),
        endpoints=endpoints,
    )


def _read(option: str, schema: TypeAdapter[Any], text: str) -> Any:
    try:
        # Not validate_json: a number that is no finite one, say, is told of as in an experiment.
        return schema.validate_python(json.loads(text))
    except ValueError as error:
        raise SamplingError(one_line(option, error)) from error
