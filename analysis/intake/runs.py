"""What was run: the run.json of a training run, with the fields that are used of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import InputError
from analysis.intake.json_lines import is_number, read_json

#: Among the fates of the queries, their total.
ASKED = "asked"
#: What is read of the block ``costs``: counts of tokens and requests, and FLOPs; numbers, or null where not known.
COSTS = (
    *("policy_tokens_sampled", "policy_tokens_trained", "expert_tokens", "expert_tokens_scored", "expert_requests"),
    *("expert_flops", "flops"),
)
# Of run.json; others are for other readers.
_FIELDS = (
    *("method", "seed", "config_sha256", "git_sha", "versions", "wall_s", "policy_tokens", "expert_tokens"),
    "consultations",
)


@dataclass(frozen=True)
class Run:
    """A training run; None is what it did not know.

    Attributes:
        method: of the run.
        seed: of the run.
        config_sha256: of its resolved settings.
        git_sha: of the code that it ran.
        versions: of the packages, by name.
        hardware: by kind.
        wall_s: seconds.
        policy_tokens: that the policy wrote in training.
        expert_tokens: that the experts wrote.
        fates: the queries asked of experts, "asked", and how many of them had each fate, in the order of the file;
            empty for a method that asks none.
        costs: by the names of :data:`COSTS`; None where it has no such block.
    """

    method: str
    seed: int
    config_sha256: object
    git_sha: object
    versions: Mapping[str, object]
    hardware: Mapping[str, object]
    wall_s: float | None
    policy_tokens: int | None
    expert_tokens: int | None
    fates: Mapping[str, int]
    costs: Mapping[str, float | None] | None = None

    @property
    def unaccounted(self) -> int:
        """Queries without a fate, negative where some have two: 0 unless the run miscounted."""
        return self.fates.get(ASKED, 0) - sum(count for fate, count in self.fates.items() if fate != ASKED)


def read_run(path: Path) -> Run:
    """A run.json. Raises InputError: unreadable, a field is missing, or the fates are no counts."""
    fields = read_json(path)
    missing = [key for key in _FIELDS if not isinstance(fields, dict) or key not in fields]
    if missing:
        raise InputError(f"{path}: {missing[0]!r} is missing (needed are {', '.join(_FIELDS)})")
    hardware = fields.get("hardware")
    return Run(
        **{key: fields[key] for key in _FIELDS if key != "consultations"},
        hardware=hardware if isinstance(hardware, dict) else {"hardware": hardware},
        fates=_fates(path, fields["consultations"]),
        costs=_costs(path, fields.get("costs")),
    )


def _costs(path: Path, costs: Any) -> dict[str, float | None] | None:
    if costs is None:
        return None
    if not isinstance(costs, dict):
        raise InputError(f"{path}: 'costs' is {json.dumps(costs)[:60]}: needed is an object, or null")
    for name in COSTS:
        if name not in costs:
            raise InputError(f"{path}: 'costs' lacks {name!r} (needed are {', '.join(COSTS)})")
        if not (costs[name] is None or (is_number(costs[name]) and costs[name] >= 0)):
            raise InputError(f"{path}: {name} of 'costs' is {json.dumps(costs[name])[:40]}: needed is a number or null")
    return {name: costs[name] for name in COSTS}


def _fates(path: Path, fates: Any) -> dict[str, int]:
    if fates is None:
        return {}
    if not isinstance(fates, dict) or any(type(count) is not int for count in fates.values()):
        raise InputError(
            f"{path}: 'consultations' is {json.dumps(fates)[:60]}: needed are whole numbers by name, or null"
        )
    if fates and ASKED not in fates:
        raise InputError(f"{path}: 'consultations' has no {ASKED!r} (it has {', '.join(fates)})")
    return fates
