"""What was run: the run.json files of an experiment, as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import InputError

_NEEDED = (
    "method",
    "seed",
    "config_sha256",
    "git_sha",
    "versions",
    "wall_s",
    "policy_tokens",
    "expert_tokens",
    "consultations",
)


def read_run(path: Path) -> dict[str, Any]:
    """A run.json. Raises InputError."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {str(error)[:100]}") from error
    missing = [key for key in _NEEDED if not isinstance(run, dict) or key not in run]
    if missing:
        raise InputError(f"{path}: {missing[0]!r} is missing (needed are {', '.join(_NEEDED)})")
    return run


def runs_table(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per run: hash, commit, minutes, tokens, and what became of its consultations.

    Their columns are those that the runs count, in the order of the first run that counts each.
    """
    fates = dict.fromkeys(name for run in runs for name in run["consultations"] or {})
    return pd.DataFrame(
        [
            {
                "method": run["method"],
                "seed": str(run["seed"]),
                "config": _text(run["config_sha256"])[:12],
                "commit": _text(run["git_sha"])[:12],
                "minutes": "–" if run["wall_s"] is None else f"{run['wall_s'] / 60:.1f}",
                "policy tokens": _count(run["policy_tokens"]),
                "expert tokens": _count(run["expert_tokens"]),
                **{key.replace("_", " "): _count((run["consultations"] or {}).get(key, 0)) for key in fates},
            }
            for run in runs
        ]
    )


def shared_facts(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Versions and hardware: name and value, all values where the runs differ."""
    facts: dict[str, list[str]] = {}
    for run in runs:
        hardware = run.get("hardware")
        described = hardware if isinstance(hardware, Mapping) else {"hardware": hardware}
        for key, value in {**run["versions"], **described}.items():
            values = facts.setdefault(str(key), [])
            if _text(value) not in values:
                values.append(_text(value))
    return pd.DataFrame([{"name": key, "value": "; ".join(values)} for key, values in facts.items()])


def _text(value: object) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _text(value)
