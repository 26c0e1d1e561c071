"""A model as a folder that engines read: from a hub at a pinned commit, or out of a GGUF file of a hub or of this
machine.

    python -m workflow.sources.fetched_model --repo OWNER/NAME --revision COMMIT --out DIR
    python -m workflow.sources.fetched_model --repo OWNER/NAME --revision COMMIT --gguf NAME.gguf --out DIR
    python -m workflow.sources.fetched_model --gguf FILE.gguf --out DIR

Of a repository its safetensors, configuration and tokenizer are taken, code is not. They stay in the hub's cache, and
the folder links to them: a model is on the disk once, however many experiments use it. A GGUF file is expanded to
bfloat16. ``--reads KEY=TOKENS`` refuses a model that reads less, before its weights are downloaded. ``source.json``
in the folder says where the model is from, its licence, its size and the digest of every file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.record.contents import file_digest
from workflow.sampling.request import positions
from workflow.sources.checkpoint import check_target, install
from workflow.sources.command import SourceError, run, source_parser
from workflow.sources.gguf import Dtype, convert, read_metadata
from workflow.sources.repository import Repository

# What stands at the top of a repository: some have the same weights in other forms beside these, and in folders.
_WEIGHTS = re.compile(r"model[^/]*\.safetensors")
_BESIDE = re.compile(r"[^/]+\.(json|txt|model|jinja|tiktoken)|README\.md|(LICEN[CS]E|NOTICE)[^/]*")
_CONFIG = "config.json"
_EXPANDED: Dtype = "bfloat16"


def wanted(repository: Repository, gguf: str | None, files: Collection[str]) -> list[str]:
    """The names of the files that a model consists of, the one to ask for first in front.

    Raises SourceError where `files`, those of the repository, hold no model.
    """
    if gguf is not None:
        if gguf not in files:
            found = ", ".join(sorted(name for name in files if name.endswith(".gguf"))) or "none"
            raise SourceError(f"{repository.label}: it has no file {gguf}; GGUF files that it has: {found}")
        return [gguf]
    weights = [name for name in files if _WEIGHTS.fullmatch(name)]
    if _CONFIG not in files or not weights:
        missing = "model*.safetensors" if _CONFIG in files else _CONFIG
        raise SourceError(
            f"{repository.label}: it holds no {missing}; a model has it, or gguf names a file of the model"
        )
    return [_CONFIG, *sorted({name for name in files if _BESIDE.fullmatch(name)} - {_CONFIG}), *sorted(weights)]


def fetch(repository: Repository, gguf: str | None, reads: tuple[str, int] | None, out: Path) -> str:
    """Puts a hub's model at `out`; returns the log line. Raises SourceError."""
    names = wanted(repository, gguf, repository.files())
    check_target(out)

    def make(folder: Path) -> dict[str, Any]:
        if gguf is not None:
            fetched = repository.fetch(names)
            _expand(fetched.folder / gguf, reads, folder)
            return repository.provenance(fetched) | {"dtype": _EXPANDED}
        config = repository.fetch([_CONFIG]).folder / _CONFIG
        _require_length(f"{repository.label} {_CONFIG}", _positions(config), reads)
        fetched = repository.fetch(names)
        folder.mkdir()
        for name in names:
            # Not to the link in the cache's own folder, but to what that points at.
            (folder / name).symlink_to((fetched.folder / name).resolve())
        return repository.provenance(fetched)

    install(out, make)
    return f"{out}: {len(names)} files of {repository.label}"


def expand(gguf: Path, reads: tuple[str, int] | None, out: Path) -> str:
    """Puts a GGUF file of this machine at `out`; returns the log line. Raises SourceError."""

    def make(folder: Path) -> dict[str, Any]:
        _expand(gguf, reads, folder)
        size, licence = gguf.stat().st_size, read_metadata(gguf).licence
        return {"license": licence, "bytes": size, "sha256": {gguf.name: file_digest(gguf)}, "dtype": _EXPANDED}

    install(out, make)
    return f"{out}: {gguf}"


def _expand(gguf: Path, reads: tuple[str, int] | None, folder: Path) -> None:
    _require_length(gguf.name, read_metadata(gguf).context, reads)
    convert(gguf, folder, _EXPANDED)


def _positions(config: Path) -> int | None:
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError(f"{config}: not JSON ({error})") from error
    return positions(content) if isinstance(content, dict) else None


def _require_length(label: str, longest: int | None, reads: tuple[str, int] | None) -> None:
    if longest is not None and reads is not None and reads[1] > longest:
        raise SourceError(f"{reads[0]}: {reads[1]} tokens are more than {label} reads, which are {longest}")


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("fetched_model", __doc__)
    parser.add_argument("--repo", metavar="OWNER/NAME")
    parser.add_argument("--revision", metavar="COMMIT")
    parser.add_argument("--gguf", metavar="FILE", help="of the repository, or of this machine where there is none")
    parser.add_argument("--reads", metavar="KEY=TOKENS", help="what the model has to read, and which key says so")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    reads = None
    if options.reads is not None:
        key, _, tokens = options.reads.rpartition("=")
        if not tokens.isdecimal():
            raise SourceError(f"--reads is {options.reads!r}; it must be KEY=TOKENS")
        reads = key, int(tokens)
    if options.repo is None and options.gguf is not None:
        return expand(Path(options.gguf), reads, options.out)
    if options.repo is None or options.revision is None:
        raise SourceError("--repo and --revision are needed, or --gguf alone")
    return fetch(Repository("model", options.repo, options.revision), options.gguf, reads, options.out)


if __name__ == "__main__":
    raise SystemExit(run(command))
