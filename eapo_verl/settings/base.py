"""What the settings of a run are made of, and how experts are reached; :mod:`eapo_verl.settings.run` puts it together.

Light on purpose: neither verl nor torch is imported, so that a workflow can validate an experiment in a second. An
unknown key, a wrong type or a value out of range is an error that names it.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
    model_validator,
)

from eapo_verl.settings.identity import LATER, OPERATIONAL

#: The largest integer that JSON holds exactly, and a number that is well within single precision.
LARGEST_INTEGER, LARGEST = 2**53, 1e30


def _no_truth(value: Any) -> Any:
    # Pydantic takes true for 1, and YAML takes "yes" for true.
    if isinstance(value, bool):
        raise ValueError(f"needed is a number, got {str(value).lower()}")
    return value


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: white space, or characters without a width."""
    return all(one.isspace() or not one.isprintable() for one in text)


def _not_blank(value: str) -> str:
    if is_blank(value):
        raise ValueError(f"it is blank (got {value!r}); needed is text")
    return value


def _an_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern[:80]!r} is no regular expression: {error}") from error
    return pattern


#: Several of them, and what they are of, make up a file's name.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1)]
#: Text in which there is something to see.
Words = Annotated[str, AfterValidator(_not_blank)]
#: A regular expression, as Python reads it.
Expression = Annotated[Text, AfterValidator(_an_expression)]
Number = Annotated[int | float, BeforeValidator(_no_truth)]
#: What the generators of numpy, torch and vLLM take, each with a small number added to it.
Seed = Annotated[int, BeforeValidator(_no_truth), Field(ge=0, lt=2**31)]
#: An environment variable's name.
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
#: What a request says of the sampling.
Parameter = Literal["max_tokens", "temperature", "seed"]

# What is the client's own: a reply comes whole, and one to a request.
_OWN_FIELDS = {"model", "messages", "stream", "n"}
_OWN_HEADERS = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
}


def _others_header(name: str) -> str:
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"{name} is the client's own")
    return name


def _an_address(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        if not parts.hostname or parts.port == 0:
            raise ValueError("it names no host, or port 0")
        # What a resolver is asked for: no label is empty, or longer than 63 characters.
        parts.hostname.encode("idna")
    except ValueError as error:
        raise ValueError(f"{base_url[:80]!r} is no address: {error}") from error
    return base_url


def _before_the_route(base_url: str) -> str:
    if base_url.rstrip("/").endswith("/completions"):
        raise ValueError("it is what stands before /chat/completions")
    return base_url


#: The address of an API, without user, query (which would hold a key) and route.
BaseUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/@?#][^\s@?#]*$"),
    AfterValidator(_an_address),
    AfterValidator(_before_the_route),
]
#: A header of a request that the client does not set itself.
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$"), AfterValidator(_others_header)]


class Settings(BaseModel):
    """Base of every settings class: closed (no unknown key), immutable, its numbers such as engines hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, values: Any) -> Any:
        # Pydantic takes true for 1, and YAML takes "yes" for true.
        for key, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, bool) and key in cls.model_fields and _is_number(cls.model_fields[key].annotation):
                raise ValueError(f"{key} is a number, got {str(value).lower()}")
        return values

    @field_validator("*")
    @classmethod
    def _no_larger(cls, value: Any) -> Any:
        if isinstance(value, int | float) and abs(value) > (most := LARGEST_INTEGER if type(value) is int else LARGEST):
            raise ValueError(f"a number of at most {most} is allowed, got {str(value)[:24]}")
        return value


def _is_number(annotation: Any) -> bool:
    kinds = {*(get_args(annotation) or (annotation,))} - {type(None)}
    return kinds <= {int, float}


class Conduct(Settings):
    """How an expert answers otherwise than its model does, for ablations of what experts are worth.

    ``wrong``: the results that a reply states are others, the same whenever that query is asked, and nothing else in it
    tells. ``another_problem``: it is asked a problem with other numbers, and answers that one. ``sub_question``: it is
    shown the query alone, and only the result of its reply is passed on. Rules: :mod:`eapo_verl.experts.conduct`.

    Attributes:
        kind: which of them; ``honest`` is none.
        probability: that a query is answered so, drawn for each query by its seed; otherwise it is answered honestly.
    """

    kind: Literal["honest", "wrong", "another_problem", "sub_question"] = "honest"
    probability: float = Field(1.0, ge=0, le=1)


class ExpertLimits(Settings):
    """How one expert is asked, wherever it is; the numbers are not stated in the paper, they are our choice.

    ``api_key_env`` names the environment variable that holds the key, ``headers_env`` variables of further headers, by
    the header; keys themselves are never part of the settings. ``request`` says what the server calls a parameter, None
    where it is not sent; ``extra_body`` is sent beside these. ``replica_urls`` are addresses of further servers of the
    same model, as ``base_url`` is of the first. ``weight`` is the expert's share of the queries, relative
    to the others'. ``shows`` is what is shown of its words, see :mod:`eapo_verl.experts.shown`; None: all of them.
    ``conduct`` is that of an expert which is spoiled on purpose. Prices are in US dollars for a million
    tokens; ``parameters`` is the size of a model elsewhere, for FLOPs (that of a served one is counted).
    """

    name: Name
    api_key_env: Annotated[Variable | None, OPERATIONAL] = None
    headers_env: Annotated[dict[Header, Variable], OPERATIONAL] = Field(default_factory=dict)
    request: Annotated[dict[Parameter, Text | None], LATER] = Field(default_factory=dict)
    extra_body: Annotated[dict[Text, JsonValue], LATER] = Field(default_factory=dict)
    replica_urls: Annotated[tuple[BaseUrl, ...], OPERATIONAL] = ()
    weight: float = Field(1.0, gt=0)
    max_concurrency: Annotated[int, OPERATIONAL] = Field(64, ge=1)
    max_tokens: int = Field(64, ge=1, le=10**9)
    temperature: float = Field(0.0, ge=0)
    shows: Annotated[Expression | None, LATER] = None
    conduct: Annotated[Conduct, LATER] = Conduct()
    timeout_s: Annotated[float, OPERATIONAL] = Field(30.0, gt=0)
    retries: Annotated[int, OPERATIONAL] = Field(2, ge=0)
    price_per_million_input: float = Field(0.0, ge=0, le=10**6)
    price_per_million_output: float = Field(0.0, ge=0, le=10**6)
    parameters: int | None = Field(None, ge=1, le=10**15)

    @model_validator(mode="after")
    def _one_value_a_field(self) -> "ExpertLimits":
        taken = set(_OWN_FIELDS)
        for name in [*filter(None, self.parameter_names.values()), *self.extra_body]:
            if name in taken:
                raise ValueError(f"request, extra_body: {name!r} is sent already, or the client's own")
            taken.add(name)
        headers = [name.lower() for name in self.headers_env] + (["authorization"] if self.api_key_env else [])
        if len({*headers}) < len(headers):
            raise ValueError("headers_env: a header stands there twice, or is Authorization beside api_key_env")
        # What JSON cannot hold is said now, and not by every request.
        json.dumps(self.extra_body, allow_nan=False, ensure_ascii=False).encode()
        return self

    @property
    def parameter_names(self) -> dict[Parameter, str | None]:
        """What the expert's server calls each parameter; None where it is not sent."""
        return {name: self.request.get(name, name) for name in get_args(Parameter)}


class Endpoint(ExpertLimits):
    """An expert: a model behind an OpenAI-compatible API."""

    base_url: Annotated[BaseUrl, OPERATIONAL]
    model: Text


class ExpertPoolSettings(Settings):
    """How the experts of a run are asked, and how much trouble with them it bears.

    Each default is not stated in the paper; our choice. ``mode`` "parallel" sends the queries of a consultation at
    once, "sequential" one after the other, for the same replies in more time (the paper's sequential variant is one
    query a turn). Whether a reply would be shown is drawn beforehand: ``ask`` "when_accepted" sends no query whose
    reply would not, "always" sends every one, as the paper does, for the same rollouts at a greater cost.
    ``deadline_s`` bounds a whole consultation, ``backoff_s`` is the longest wait before the first retry,
    ``reply_max_bytes`` cuts the text of one reply (UTF-8). ``breaker_threshold`` failures in a row keep an endpoint out
    for ``breaker_cooldown_s``. The run is aborted where more than ``failure_limit`` (a share; 1 means never) of the
    last ``failure_window`` replies failed or timed out. ``cache_dir``: keep replies on disk there.
    """

    mode: Literal["parallel", "sequential"] = "parallel"
    ask: Literal["when_accepted", "always"] = "when_accepted"
    deadline_s: Annotated[float, OPERATIONAL] = Field(60.0, gt=0)
    backoff_s: Annotated[float, OPERATIONAL] = Field(0.5, ge=0)
    reply_max_bytes: int = Field(65536, ge=1)
    breaker_threshold: Annotated[int, OPERATIONAL] = Field(5, ge=1)
    breaker_cooldown_s: Annotated[float, OPERATIONAL] = Field(10.0, ge=0)
    failure_window: Annotated[int, OPERATIONAL] = Field(200, ge=1)
    failure_limit: Annotated[float, OPERATIONAL] = Field(0.5, ge=0, le=1)
    cache_dir: Path | None = None
