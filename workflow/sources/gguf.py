"""A GGUF file as a Hugging Face checkpoint: its blocks of a few bits expanded, its tokenizer as the file says it is.

Transformers reads weights and vocabulary. Of the tokenizer it takes less than the file holds: how text is split before
that (`tokenizer.ggml.pre`) is the architecture's own guess there, and only some special tokens are known to be special.
What the file says is put right here, for the kinds of tokenizers of which we know how they split text; another one is
refused, since a model that reads other tokens than it was trained on gets worse without a word.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal, NamedTuple

from workflow.sources.command import SourceError
from workflow.sources.hub import reason

Dtype = Literal["bfloat16", "float32"]
# By `tokenizer.ggml.model` and `tokenizer.ggml.pre`. GPT-2's way and Qwen2's are those of transformers' converters, the
# pieces of SentencePiece ("llama") need no splitting, and SmolLM's way, GPT-2's with each digit apart, is made below.
_KNOWN = {("gpt2", "gpt-2"), ("gpt2", "qwen2"), ("gpt2", "smollm"), ("llama", "default")}
# llama.cpp's `LLAMA_TOKEN_TYPE_CONTROL` and `_USER_DEFINED`: both are read whole, and only the first is never shown.
_CONTROL, _USER_DEFINED = 3, 4
# What transformers and the file call the tokens that begin, end and fill up a text.
_ENDS = {"bos": "bos", "eos": "eos", "pad": "padding"}


class Metadata(NamedTuple):
    """What a GGUF file says of itself.

    Attributes:
        context: the longest text that the model reads, in tokens; None where it does not say.
        licence: None where it does not say.
        chat_template: empty where it has none.
        tokenizer: the values of its keys `tokenizer.…`, by what follows.
    """

    context: int | None
    licence: str | None
    chat_template: str
    tokenizer: dict[str, Any]


@functools.cache
def read_metadata(gguf: Path) -> Metadata:
    """Read once a process, since a vocabulary takes seconds.

    Raises SourceError: it is no GGUF file, or its tokenizer is of a kind that is not known here.
    """
    from gguf import GGUFReader

    try:
        fields = GGUFReader(gguf).fields
        values = {
            key: field.contents()
            for key, field in fields.items()
            if key.startswith(("general.", "tokenizer.")) or key.endswith(".context_length")
        }
    except (OSError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise SourceError(f"{gguf}: not a GGUF file that can be read: {reason(error)}") from error
    tokenizer = {key.removeprefix("tokenizer."): value for key, value in values.items() if key.startswith("tokenizer.")}
    kind = (tokenizer.get("ggml.model"), tokenizer.get("ggml.pre", "default"))
    if kind not in _KNOWN:
        known = ", ".join(f"{pre} ({model})" for model, pre in sorted(_KNOWN))
        raise SourceError(
            f"{gguf}: its tokenizer splits text as {kind[1]} ({kind[0]}); known here are {known}: take the model as "
            "safetensors"
        )
    context = values.get(f"{values.get('general.architecture')}.context_length")
    return Metadata(context, values.get("general.license"), tokenizer.get("chat_template", ""), tokenizer)


def convert(gguf: Path, out: Path, dtype: Dtype) -> None:
    """Writes `gguf` as a checkpoint into the folder `out`: weights, configs, tokenizer with chat template.

    Raises SourceError as `read_metadata` does, and where transformers cannot read the file.
    """
    said = read_metadata(gguf).tokenizer
    import torch
    from tokenizers import AddedToken, pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=getattr(torch, dtype))
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    except (ValueError, KeyError, NotImplementedError) as error:
        raise SourceError(f"{gguf}: transformers cannot read it: {reason(error)}") from error
    if said.get("ggml.pre") == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    typed = list(zip(said["ggml.tokens"], said.get("ggml.token_type", ()), strict=False))
    tokenizer.add_tokens(
        [AddedToken(text, special=True, normalized=False) for text, kind in typed if kind == _CONTROL],
        special_tokens=True,
    )
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text, kind in typed if kind == _USER_DEFINED])
    # The converters have guesses of their own: another token at the end of a text, say, than the one that ends a turn.
    ids = {f"{name}_token": said.get(f"ggml.{key}_token_id") for name, key in _ENDS.items()}
    if ids["pad_token"] is None:
        ids["pad_token"] = ids["eos_token"]
    for name, number in ids.items():
        if number is not None:
            setattr(tokenizer, name, said["ggml.tokens"][number])
    # How it was loaded is no property of the tokenizer, and would differ between machines.
    for key in ("is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(key, None)
    # Cleaning up is meant for word pieces: here it would take away spaces that the model wrote.
    tokenizer.clean_up_tokenization_spaces = False
    tokenizer.model_max_length = model.config.max_position_embeddings
    known = {f"{name}_id": getattr(tokenizer, f"{name}_id") for name in ids}
    model.config.update(known)
    model.generation_config = GenerationConfig(**known)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
