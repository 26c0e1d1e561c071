"""What each expert did: columns of a step's line, and the block ``experts`` of ``run.json``. Pure functions.

Columns are called ``experts/<name>/…``. Latency is of one request, from sending it to its end, whatever that was: of
one that timed out, the timeout. A step's percentiles are exact. Those of a run are made of the counts that each line
keeps of its latencies, in classes that are 5% wide, so that they are right to 2.5% and hold across restarts.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eapo_verl.experts.reply import Request
from eapo_verl.settings.base import Endpoint

PREFIX = "experts/"
#: The column of a line that holds, by the expert, how many latencies are of each class. It is no number: a run's files
#: have it, trackers do not.
LATENCIES = "expert_latencies"
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SUMMED = ("requests", "tokens", "prompt_tokens", "cost_usd")
_WIDTH = 1.05
# Shorter ones are as long, in seconds.
_SHORTEST_S = 1e-4


def columns(requests: Iterable[Request], experts: Sequence[Endpoint]) -> dict[str, float | int]:
    """A step's columns, of every expert that the run has.

    Returns:
        requests, tokens and prompt_tokens of each; cost_usd, where a price is stated; latency_p50_s, latency_p95_s and
        latency_p99_s, where it was asked.
    """
    sent = _by_expert(requests)
    made: dict[str, float | int] = {}
    for expert in experts:
        asked, prefix = sent.get(expert.name, []), f"{PREFIX}{expert.name}"
        made[f"{prefix}/requests"] = len(asked)
        made[f"{prefix}/tokens"] = sum(one.tokens for one in asked)
        made[f"{prefix}/prompt_tokens"] = sum(one.prompt_tokens for one in asked)
        if _is_priced(expert):
            made[f"{prefix}/cost_usd"] = float(sum(one.cost for one in asked))
        if asked:
            found = np.quantile([one.seconds for one in asked], list(QUANTILES.values()))
            made |= {f"{prefix}/latency_{name}_s": float(value) for name, value in zip(QUANTILES, found, strict=True)}
    return made


def latencies(requests: Iterable[Request]) -> dict[str, dict[str, int]]:
    """How many requests to each expert were in each class of latency."""
    return {
        expert: {str(name): count for name, count in sorted(Counter(_class(one.seconds) for one in asked).items())}
        for expert, asked in sorted(_by_expert(requests).items())
    }


def of_run(steps: Sequence[Mapping[str, Any]], experts: Sequence[Endpoint]) -> dict[str, dict[str, Any]]:
    """The block ``experts`` of ``run.json``.

    Args:
        steps: the lines of a run.
        experts: those that it has.

    Returns:
        of each expert the sums over the run (cost_usd None where no price is stated), and latency_s with its
        percentiles; None where it was not asked.
    """
    return {expert.name: _sums(steps, expert) | {"latency_s": _percentiles(steps, expert.name)} for expert in experts}


def _sums(steps: Sequence[Mapping[str, Any]], expert: Endpoint) -> dict[str, float | None]:
    made = {name: sum(step.get(f"{PREFIX}{expert.name}/{name}") or 0 for step in steps) for name in _SUMMED}
    return made | {"cost_usd": round(made["cost_usd"], 6) if _is_priced(expert) else None}


def _percentiles(steps: Sequence[Mapping[str, Any]], expert: str) -> dict[str, float] | None:
    counts: Counter[int] = Counter()
    for step in steps:
        of_step = (step.get(LATENCIES) or {}).get(expert, {})
        counts.update({int(name): count for name, count in of_step.items()})
    if not counts:
        return None
    names = sorted(counts)
    upto = np.cumsum([counts[name] for name in names])
    return {
        quantile: float(_WIDTH ** names[int(np.searchsorted(upto, share * upto[-1]))])
        for quantile, share in QUANTILES.items()
    }


def _class(seconds: float) -> int:
    """The whole number whose power of ``_WIDTH`` is nearest."""
    return round(math.log(max(seconds, _SHORTEST_S), _WIDTH))


def _by_expert(requests: Iterable[Request]) -> dict[str, list[Request]]:
    made: dict[str, list[Request]] = {}
    for one in requests:
        made.setdefault(one.expert, []).append(one)
    return made


def _is_priced(expert: Endpoint) -> bool:
    return expert.price_per_million_input > 0 or expert.price_per_million_output > 0
