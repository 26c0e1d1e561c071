"""How a model is to be sampled, checked in full before any engine is imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from analysis.intake.files import regular
from eapo_verl.cpu.precision import Requested
from eapo_verl.settings.chat_template import unread
from workflow.command import BadInput

if TYPE_CHECKING:
    from workflow.sampling.turns import Turns

DTYPES = get_args(Requested)
#: Where a checkpoint may have its chat template; the first one that is there holds it.
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


class SamplingError(BadInput):
    """The request cannot be carried out; the message is one line: what, where, what is allowed."""


@dataclass(frozen=True)
class Request:
    """`samples` responses of `model` to each question.

    `max_tokens` bounds a response, `max_model_len` prompt and response together (tokens). `banned` are
    strings that the model may not sample. `system_prompt`, where it is not None, stands before every question.
    `chat_template_kwargs` is what the model's chat template is told beside the chat, `stop` holds strings with which a
    response ends. `gpu_memory_utilization` is a fraction in (0, 1], or None for the engine's default. `turns` says how
    a response comes about that takes several turns of the model; None: it takes one.
    """

    model: Path
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    max_model_len: int
    seed: int
    banned: tuple[str, ...] = ()
    system_prompt: str | None = None
    chat_template_kwargs: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    dtype: str = "auto"
    tensor_parallel: int = 1
    gpu_memory_utilization: float | None = None
    turns: Turns | None = None

    def __post_init__(self) -> None:
        """Raises SamplingError for the first value that is not allowed."""
        fraction = self.gpu_memory_utilization
        rules = (
            (self.samples >= 1, "--samples", self.samples, "an integer of at least 1"),
            (
                0 <= self.temperature < float("inf"),
                "--temperature",
                self.temperature,
                "a number of at least 0",
            ),
            (
                self.temperature > 0 or self.samples == 1,
                "--temperature",
                self.temperature,
                f"above 0 when --samples is {self.samples}, as greedy samples of a question are all alike",
            ),
            (
                self.temperature > 0 or self.turns is None,
                "--temperature",
                self.temperature,
                "above 0 with --procedure, as greedy turns of a sample may all be alike",
            ),
            (0 < self.top_p <= 1, "--top-p", self.top_p, "in (0, 1]"),
            (self.max_tokens >= 1, "--max-tokens", self.max_tokens, "an integer of at least 1"),
            (
                self.max_model_len > self.max_tokens,
                "--max-model-len",
                self.max_model_len,
                f"larger than --max-tokens ({self.max_tokens}), to leave room for the prompt",
            ),
            (self.seed >= 0, "--seed", self.seed, "an integer of at least 0"),
            (self.dtype in DTYPES, "--dtype", self.dtype, f"one of {', '.join(DTYPES)}"),
            (
                self.tensor_parallel >= 1,
                "--tensor-parallel",
                self.tensor_parallel,
                "an integer of at least 1",
            ),
            (fraction is None or 0 < fraction <= 1, "--gpu-memory-utilization", fraction, "in (0, 1]"),
            (
                all(text.strip() for text in self.banned),
                "--ban",
                list(self.banned),
                "strings that are not blank",
            ),
            (
                self.system_prompt is None or bool(self.system_prompt.strip()),
                "--system-prompt",
                self.system_prompt,
                "text that is not blank, or not be given",
            ),
        )
        for holds, option, value, allowed in rules:
            if not holds:
                raise SamplingError(f"{option} is {value!r}; it must be {allowed}")


def check_model(request: Request) -> None:
    """Raises SamplingError unless the model is a checkpoint with enough positions, and a template that reads all."""
    model, max_model_len = request.model, request.max_model_len
    if not model.is_dir():
        raise SamplingError(f"--model {model} is not a folder; it must be a Hugging Face checkpoint")
    if not any(model.glob("*.safetensors")) and not any(model.glob("*.bin")):
        raise SamplingError(f"--model {model} has no weights; *.safetensors or *.bin must be there")
    config = _read_json(model / "config.json")
    _read_json(model / "tokenizer_config.json")
    if not (template := chat_template(model)):
        raise SamplingError(
            f"--model {model} has no chat template; chat_template.jinja or tokenizer_config.json must hold it"
        )
    for name in unread(template, request.chat_template_kwargs):
        raise SamplingError(f"--chat-template-kwargs: {name!r} is nothing that the chat template of {model} reads")
    longest = positions(config)
    if longest is not None and max_model_len > longest:
        raise SamplingError(
            f"--max-model-len is {max_model_len}; it must be at most {longest},"
            f" max_position_embeddings of {model / 'config.json'}"
        )


def chat_template(model: Path) -> str:
    """The chat template of the checkpoint in a folder, or the file that holds several; empty where there is none."""
    try:
        *own, shared = TEMPLATE_FILES
        for name in own:
            if (model / name).is_file():
                return (model / name).read_text(encoding="utf-8")
        return json.dumps(json.loads((model / shared).read_text(encoding="utf-8"))["chat_template"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def positions(config: Mapping[str, Any]) -> int | None:
    """The longest text that a model reads, in tokens, by its `config.json`; None where that cannot be told."""
    text = config.get("text_config", config)
    if not isinstance(text, dict):
        return None
    # A model with scaled rotary positions may reach beyond this number; vLLM works that case out itself.
    scaled = any(
        isinstance(rope := text.get(key), dict) and rope.get("rope_type", rope.get("type", "default")) != "default"
        for key in ("rope_scaling", "rope_parameters")
    )
    longest = text.get("max_position_embeddings")
    return longest if isinstance(longest, int) and not scaled else None


def _read_json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(regular(path).read_text())
    except OSError as error:
        raise SamplingError(f"--model: cannot read {path}: {error.strerror}; a checkpoint has it") from error
    except ValueError as error:
        raise SamplingError(f"--model: {path} is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise SamplingError(f"--model: {path} must hold a JSON object")
    return content
