"""What a model's size is made of, by its ``config.json``: numbers that memory and FLOPs go by.

The configuration is looked for where the model will be: in the experiment's results, in its folder, in the hub's cache,
on the hub. Those of the models that experiments of this project name are here too, so that a plan needs no network.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from workflow.command import BadInput
from workflow.embedded.arguments import HEAD_SIZE
from workflow.models import EmbeddedModel, HubModel, LocalModel, Model, PackagedModel, PhrasebookModel
from workflow.sources import phrasebook
from workflow.sources.command import SourceError


class Shape(NamedTuple):
    """A decoder with grouped queries and a gated feed-forward layer, as Llama and Qwen2 are.

    Attributes:
        hidden, intermediate: widths.
        layers: of attention and feed-forward together.
        heads, kv_heads, head_size: of attention.
        vocabulary: rows of the embedding.
        tied: whether it is the output's, too.
        bias: whether queries, keys and values have one (Qwen2).
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    tied: bool
    bias: bool

    @property
    def parameters(self) -> int:
        """How many numbers its checkpoint holds."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        attention = 2 * self.hidden * queries + 2 * self.hidden * keys + (queries + 2 * keys if self.bias else 0)
        layer = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        return self.layers * layer + self.vocabulary * self.hidden * (1 if self.tied else 2) + self.hidden

    def kv_bytes(self, width: int = 2) -> int:
        """Of keys and values, a token; ``width``: bytes of a number, 2 of bfloat16."""
        return 2 * self.layers * self.kv_heads * self.head_size * width


#: From the repositories' public ``config.json``.
_KNOWN = {
    "deepseek-ai/deepseek-r1-distill-qwen-1.5b": Shape(1536, 8960, 28, 12, 2, 128, 151936, False, True),
    "deepseek-ai/deepseek-r1-distill-qwen-7b": Shape(3584, 18944, 28, 28, 4, 128, 152064, False, True),
    # What becomes of each of its files: the output's embedding is there a second time.
    "qwen/qwen2.5-coder-0.5b-instruct-gguf": Shape(896, 4864, 24, 14, 2, 64, 151936, False, True),
    "qwen/qwq-32b": Shape(5120, 27648, 64, 40, 8, 128, 152064, False, True),
}
_SMOLLM2 = Shape(576, 1536, 30, 9, 3, 64, 49152, True, False)
#: Of what is put together from phrases.
_PHRASEBOOK = Shape(
    phrasebook.WIDTH, phrasebook.INTERMEDIATE, 1, phrasebook.HEADS, phrasebook.HEADS, phrasebook.HEAD_SIZE,
    len(phrasebook.PHRASES) + len(phrasebook.TAGS), False, False,
)  # fmt: skip
#: Of the embedded world's tokenizer, and what its models are by default (`ROLES` of ``workflow.embedded.pretrain``).
_EMBEDDED_VOCABULARY, _EMBEDDED_WIDTH, _EMBEDDED_LAYERS = 32, {"policy": 128, "expert": 192}, 4


def shape_of(name: str, model: Model, folder: Path) -> Shape:
    """The shape of one of an experiment's models; ``folder`` is where it lies once it is made.

    Raises:
        BadInput: its configuration cannot be had, or is of another architecture.
    """
    if (folder / "config.json").is_file():
        return _read(name, folder / "config.json")
    if isinstance(model, PackagedModel):
        return _SMOLLM2
    if isinstance(model, PhrasebookModel):
        return _PHRASEBOOK
    if isinstance(model, EmbeddedModel):
        width = int(model.options.get("width", _EMBEDDED_WIDTH[model.role]))
        layers, heads = int(model.options.get("layers", _EMBEDDED_LAYERS)), width // HEAD_SIZE
        return Shape(width, 3 * width, layers, heads, heads, HEAD_SIZE, _EMBEDDED_VOCABULARY, True, False)
    if isinstance(model, HubModel) and (known := _KNOWN.get(model.repo.lower())) is not None:
        return known
    if isinstance(model, LocalModel) or model.gguf is not None:
        raise BadInput(f"models.{name}: its size is known once it is there: {folder / 'config.json'}")
    return _read(name, _downloaded(name, model))


def _downloaded(name: str, model: HubModel) -> Path:
    try:
        return model.repository.fetch(["config.json"]).folder / "config.json"
    except (SourceError, KeyError) as error:
        raise BadInput(f"models.{name}: its configuration is needed: {error}") from error


def _read(name: str, path: Path) -> Shape:
    try:
        return from_config(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"models.{name}: {path} is of no model that a plan can be made for: {error!r}") from error


def from_config(config: dict[str, Any]) -> Shape:
    """The shape that a ``config.json`` says. Raises KeyError for what is not there, ValueError for a mixture's."""
    if any(key in config for key in ("num_experts", "num_local_experts", "n_routed_experts")):
        raise ValueError("it is a mixture of experts")
    heads = int(config["num_attention_heads"])
    return Shape(
        hidden=int(config["hidden_size"]),
        intermediate=int(config["intermediate_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_size=int(config.get("head_dim") or config["hidden_size"] // heads),
        vocabulary=int(config["vocab_size"]),
        tied=bool(config.get("tie_word_embeddings", False)),
        bias=bool(config.get("attention_bias", config.get("model_type") == "qwen2")),
    )
