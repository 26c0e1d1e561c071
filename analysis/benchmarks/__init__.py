"""The benchmarks as lm-eval tasks, a versioned YAML each, and what can be known of them without lm-eval.

``lm_eval --include_path analysis/benchmarks --tasks aime_2024`` runs one outside this project; a new
benchmark is a new YAML here that includes ``_base.yaml``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """Names of the benchmarks that have a task YAML, sorted; the task of ``<name>.yaml`` is ``<name>``."""
    return tuple(sorted(path.stem for path in DIRECTORY.glob("*.yaml") if not path.stem.startswith("_")))


def digest(name: str) -> str:
    """sha256 (hex) of all that defines the task `name`: its YAML, the base it includes, its result code.

    It changes when a prompt or a rule changes even if nobody raised ``metadata.version``.
    Raises FileNotFoundError if there is no such task.
    """
    sha = hashlib.sha256()
    for part in (f"{name}.yaml", "_base.yaml", "process.py"):
        sha.update((DIRECTORY / part).read_bytes())
    return sha.hexdigest()
