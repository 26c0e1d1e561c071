"""What was run, as tables: a row a training run, and what all runs have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from analysis.intake.runs import Run
from analysis.tables.names import name
from analysis.tables.numbers import MISSING, rounded


def run_rows(runs: Sequence[Run]) -> list[dict[str, str]]:
    """One row per run: hash, commit, minutes, tokens, and what became of its queries.

    Their columns are those that the runs count, in the order of the first run that counts each.
    """
    fates = dict.fromkeys(fate for run in runs for fate in run.fates)
    return [
        {
            "method": run.method,
            "seed": str(run.seed),
            "config": _text(run.config_sha256)[:12],
            "commit": _text(run.git_sha)[:12],
            "minutes": MISSING if run.wall_s is None else rounded(run.wall_s / 60, 1),
            "policy tokens": _count(run.policy_tokens),
            "expert tokens": _count(run.expert_tokens),
            **{fate.replace("_", " "): _count(run.fates.get(fate, 0)) for fate in fates},
        }
        for run in runs
    ]


def miscounts(runs: Sequence[Run]) -> list[str]:
    """A sentence on each run whose fates do not add up to the queries that it asked."""
    return [
        f"{name(run.method)}, seed {run.seed}: {abs(run.unaccounted):,} of the queries have "
        f"{'no fate' if run.unaccounted > 0 else 'more than one fate'}: the counts of this run cannot be trusted."
        for run in runs
        if run.unaccounted
    ]


def shared_facts(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Versions and hardware: name and value, all values where the runs differ."""
    facts: dict[str, list[str]] = {}
    for run in runs:
        for key, value in _facts(run).items():
            values = facts.setdefault(key, [])
            if _text(value) not in values:
                values.append(_text(value))
    return [{"name": key, "value": "; ".join(values)} for key, values in facts.items()]


def _facts(run: Run) -> Mapping[str, object]:
    return {**run.versions, **run.hardware}


def _text(value: object) -> str:
    return MISSING if value is None or value == [] else value if isinstance(value, str) else json.dumps(value)


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _text(value)
