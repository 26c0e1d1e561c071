"""A model's folder: made whole or not at all, with ``source.json`` in it, which says where the model is from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eapo_verl.record.provenance import SOURCE_FILE
from workflow.sources.command import SourceError


def check_target(out: Path) -> None:
    """Raises SourceError unless `out` is free, empty, or a checkpoint that a command of this package wrote before."""
    if not out.exists() or (out.is_dir() and ((out / SOURCE_FILE).is_file() or not any(out.iterdir()))):
        return
    raise SourceError(f"--out {out} holds something else; give a new folder, or one that this command wrote")


def install(out: Path, make: Callable[[Path], dict[str, Any]]) -> None:
    """Puts a checkpoint at `out`, in place of one that is there.

    Args:
        out: the folder; see `check_target`.
        make: writes the checkpoint's files into the folder that it is given, which may not be there yet, and returns
            what `source.json` says: nothing in it may depend on the time or the place, since it is a part of what the
            model is told apart by.

    Raises:
        SourceError: it cannot be written; `out` is as it was.
    """
    check_target(out)
    partial, old = (out.with_name(f".{out.name}.{os.getpid()}.{end}") for end in ("part", "old"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            source = make(partial)
            (partial / SOURCE_FILE).write_text(json.dumps(source, indent=2) + "\n")
            if out.exists():
                os.replace(out, old)
            os.replace(partial, out)
        finally:
            for leftover in (partial, old):
                shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise SourceError(f"--out: cannot write {out}: {error.strerror or error}") from error
