"""How the model of an expert is served: sizes, memory, quantisation, and whatever else ``vllm serve`` is told."""

import json
from typing import Annotated, Any

from pydantic import Field, JsonValue, StringConstraints, field_validator, model_validator

from eapo_verl.settings.base import Settings, Text
from eapo_verl.settings.identity import LATER, OPERATIONAL

#: Arguments of ``vllm serve`` that an expert has a key for.
_HAVE_KEYS = {
    "model": "serve",
    "served_model_name": "name",
    "max_model_len": "max_model_len",
    "tensor_parallel_size": "tensor_parallel",
    "pipeline_parallel_size": "pipeline_parallel",
    "data_parallel_size": "data_parallel",
    "gpu_memory_utilization": "gpu_memory_utilization",
    "quantization": "quantization",
}
#: Those that say where a server is, who may ask it, which accelerators it has, where else arguments stand, and what its
#: health is read from.
_OWN = {
    *("host", "port", "uds", "api_key", "root_path", "middleware", "ssl_keyfile", "ssl_certfile", "ssl_ca_certs"),
    *("ssl_cert_reqs", "enable_ssl_refresh", "ssl_ciphers", "config", "model_tag", "headless", "grpc", "hf_token"),
    *("nnodes", "node_rank", "master_addr", "master_port", "device_ids", "prefill_context_parallel_size"),
    *("disable_log_stats", "disable_uvicorn_access_log", "help"),
}
_OWN_PREFIX = "data_parallel_"
#: Accelerators of all servers of an expert.
_MOST = 4096

#: The long name of an argument, with dashes or underscores, and of a part of one behind a dot.
Argument = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*(\.[A-Za-z0-9_-]+)*$")]


def refusal(argument: str) -> str | None:
    """Why an experiment may not give this argument of ``vllm serve``, by its name there; None where it may."""
    name = argument.partition(".")[0].replace("-", "_")
    if name in _HAVE_KEYS:
        return f"{argument!r} has a key of its own, {_HAVE_KEYS[name]}"
    if name in _OWN or name.startswith(_OWN_PREFIX):
        return f"{argument!r} is the workflow's own"
    return None


class Serving(Settings):
    """How a model is served; by default by one server on one accelerator, as vLLM does by itself.

    Attributes:
        max_model_len: the longest context, in tokens.
        replicas: servers, over which the queries are spread; one that dies is replaced while the others answer.
        tensor_parallel: accelerators that each layer is spread over.
        pipeline_parallel: accelerators, or sets of them, that the layers are dealt out to.
        data_parallel: copies of the model in one server, each on accelerators of its own.
        gpu_memory_utilization: the share of each accelerator's memory that a server takes; None: vLLM's own, and no
            other server beside it.
        quantization: vLLM's name of it (fp8, say); None: what the model's own configuration says.
        vllm: any other argument of ``vllm serve``: a number or text, true for a flag and false for its ``--no-`` form,
            a list of several values, an object as JSON.
    """

    max_model_len: int = Field(256, ge=8)
    replicas: Annotated[int, Field(ge=1, le=256), OPERATIONAL] = 1
    tensor_parallel: Annotated[int, Field(ge=1, le=1024), OPERATIONAL] = 1
    pipeline_parallel: Annotated[int, Field(ge=1, le=1024), OPERATIONAL] = 1
    data_parallel: Annotated[int, Field(ge=1, le=1024), OPERATIONAL] = 1
    gpu_memory_utilization: Annotated[float | None, Field(gt=0, le=1), OPERATIONAL] = None
    quantization: Annotated[Text | None, LATER] = None
    vllm: Annotated[dict[Argument, JsonValue], LATER] = Field(default_factory=dict)

    @field_validator("vllm")
    @classmethod
    def _others_arguments(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, given in value.items():
            if (said := refusal(name)) is not None:
                raise ValueError(said)
            if given is None or given == []:
                raise ValueError(f"{name!r}: a value is needed; leave it out for vLLM's own")
        if len({name.replace("-", "_") for name in value}) < len(value):
            raise ValueError("an argument stands there twice")
        return value

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> "Serving":
        if (together := self.replicas * self.accelerators) > _MOST:
            raise ValueError(
                f"replicas, tensor_parallel, pipeline_parallel and data_parallel make {together} accelerators; at most "
                f"{_MOST} are allowed"
            )
        return self

    @property
    def accelerators(self) -> int:
        """Of one server."""
        return self.tensor_parallel * self.pipeline_parallel * self.data_parallel

    def words(self) -> list[str]:
        """What a server is told beside its model, address and context; nothing by default."""
        sizes = {name: getattr(self, f"{name}_parallel") for name in ("tensor", "pipeline", "data")}
        words = [f"--{name}-parallel-size={size}" for name, size in sizes.items() if size > 1]
        if self.gpu_memory_utilization is not None:
            words.append(f"--gpu-memory-utilization={self.gpu_memory_utilization}")
        if self.quantization is not None:
            words.append(f"--quantization={self.quantization}")
        for argument, value in self.vllm.items():
            words += _words(argument, value)
        return words


def _words(argument: str, value: JsonValue) -> list[str]:
    base, dot, part = argument.partition(".")
    name = base.replace("_", "-") + dot + part
    if isinstance(value, bool) and not dot:
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, list):
        return [f"--{name}", *map(_text, value)]
    return [f"--{name}={_text(value)}"]


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
