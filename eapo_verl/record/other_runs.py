"""What other arms' runs of the same seed are to a run: it starts from the model of one, or may cost as much as one."""

import json
from pathlib import Path

from eapo_verl.record.costs import Costs
from eapo_verl.settings.matching import matched
from eapo_verl.settings.run import Budget, Departure, RunSettings


def read_costs(path: Path) -> Costs:
    """The block ``costs`` of a ``run.json``.

    Raises:
        ValueError: the file cannot be read, or has no such block; the message names it.
    """
    try:
        block = json.loads(path.read_text(encoding="utf-8"))["costs"]
        return Costs(**{name: block[name] for name in Costs._fields})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: it does not say what the run cost ({type(error).__name__}: {error})") from error


def costs_of_start(settings: RunSettings) -> Costs | None:
    """What the model has cost that the run starts from, where that is another run's: that run, and its own start.

    Raises:
        ValueError: see :func:`read_costs`.
    """
    return None if settings.start_from is None else read_costs(settings.runs[settings.start_from])


def with_match(settings: RunSettings) -> RunSettings:
    """The settings with the budget that their ``match`` comes to, if they have one; it is a departure of the run.

    Raises:
        ValueError: a run that it goes by does not say what it cost, or nothing is left to spend.
    """
    match, budget = settings.match, settings.budget
    if match is None:
        return settings
    total, like = _flops(settings.runs[match.arm]), settings.runs[match.like]
    price = _flops(like) / max(1, read_costs(like).rollouts)
    spent = 0.0 if settings.start_from is None else _flops(settings.runs[settings.start_from])
    given, key = getattr(budget, match.by), f"training.budget.{match.by}"
    try:
        made = matched(match, given, budget.rollouts, total - spent, price)
    except ValueError as error:
        start = f", the model that this one starts from {spent:.3g}" if settings.start_from else ""
        raise ValueError(f"match: the run of {match.arm} has cost {total:.3g} FLOPs{start}: {error}") from error
    declared = settings.departures.get(key)
    departure = Departure(experiment=given if declared is None else declared.experiment, arm=made.made)
    return settings.model_copy(
        update={
            "budget": Budget(**budget.model_dump() | {match.by: made.made}),
            "departures": settings.departures | {key: departure},
            "matched": made,
        }
    )


def _flops(path: Path) -> float:
    flops = read_costs(path).flops
    if flops is None:
        raise ValueError(f"{path}: the run's FLOPs are not known, so that no other can cost as much")
    return flops
