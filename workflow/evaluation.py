"""How an experiment samples and scores its benchmarks: the part ``evaluation`` of its file."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from eapo_verl.cpu.precision import Requested
from eapo_verl.settings.base import Seed, Settings, Text
from eapo_verl.settings.identity import LATER, OPERATIONAL


class Evaluation(Settings):
    """How benchmarks are sampled and scored."""

    samples: int = Field(ge=1)
    k: int = Field(ge=1)
    #: vLLM takes a lower one for this.
    temperature: float = Field(1.0, ge=0.01)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(ge=1)
    max_model_len: Annotated[int, Field(ge=8), OPERATIONAL]
    seed: Seed = 0
    dtype: Requested = "auto"
    tensor_parallel: Annotated[int, Field(ge=1), OPERATIONAL] = 1
    #: With which a response ends; they are no part of it.
    stop: Annotated[tuple[Text, ...], LATER] = ()
    #: The share of a device's memory that the engine takes; None: its own default.
    gpu_memory_utilization: Annotated[float | None, Field(gt=0, le=1), OPERATIONAL] = None

    @field_validator("stop", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError(r'needed is a list of strings, ["\n\n"] say')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Evaluation":
        if self.k > self.samples:
            raise ValueError(f"k ({self.k}) cannot be larger than samples ({self.samples})")
        if self.max_tokens >= self.max_model_len:
            raise ValueError(
                f"max_tokens: {self.max_tokens} leave no room for a problem in max_model_len ({self.max_model_len})"
            )
        return self
