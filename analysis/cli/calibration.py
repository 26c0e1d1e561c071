"""What ``python -m analysis calibrate`` prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import pandas as pd

from analysis.statistics.calibration import BAND, P_VALUES, false_positive_rates
from analysis.statistics.claims import claims
from analysis.statistics.coverage import Design, coverage
from analysis.statistics.mixed import MIXED
from analysis.statistics.significance import PRIMARY
from analysis.tables.numbers import rounded

#: How far the power of the adjusted test may be from what ``plan`` says.
POWER_BAND = 0.03


def calibrated(arguments: argparse.Namespace) -> str:
    """How often tests, intervals and verdicts err, as far as is asked for."""
    parts: dict[str, Callable[[argparse.Namespace], str]] = {
        "tests": lambda given: _tests(given, [name for name in P_VALUES if name != MIXED]),
        "intervals": _intervals,
        "verdicts": _verdicts,
        "model": lambda given: _tests(given, [PRIMARY, MIXED]),
    }
    return "\n".join(part(arguments) for name, part in parts.items() if name in arguments.only)


def _tests(arguments: argparse.Namespace, tests: Sequence[str]) -> str:
    rates = false_positive_rates(_pairs(arguments), arguments.samples, arguments.repetitions, arguments.seed, tests)
    primary = rates[rates["test"] == PRIMARY]
    outside = ~primary["rate"].between(*BAND)
    slack = 2 * primary["error"]
    far = (primary["rate"] + slack < BAND[0]) | (primary["rate"] - slack > BAND[1])
    rates = rates.assign(design=[f"n = {n}, S = {s}" for n, s in zip(rates["questions"], rates["seeds"], strict=True)])
    return (
        f"Share in which p < 0.05, of {_simulated(arguments)}.\n\n{_pivoted(rates, 'test')}\n\n"
        f"{PRIMARY}: {outside.sum()} of {len(primary)} rates outside {BAND[0]} to {BAND[1]}, {far.sum()} of them by "
        "more than twice the Monte-Carlo error.\nTests over questions pool the seeds, those over seeds the questions, "
        "posterior_probability (less likely order under 0.025) both.\n"
    )


def _intervals(arguments: argparse.Namespace) -> str:
    held = coverage(_designs(arguments), arguments.samples, arguments.repetitions, arguments.seed)
    return (
        f"Share in which a 95% interval holds the truth, of {_simulated(arguments)}.\n\n"
        f"{_pivoted(_named(held), 'interval')}\n\n"
        f"{PRIMARY}: of the difference, with runs: of a method's accuracy, both on other questions and with other runs."
        "\nprobability_of_improvement: with other runs on these questions; detectable: of what the design finds four "
        "times in five.\nSeed sd: the standard deviation of a training seed's effect.\n"
    )


def _verdicts(arguments: argparse.Namespace) -> str:
    made = claims(
        _designs(arguments),
        arguments.samples,
        arguments.comparisons,
        arguments.smallest_effect,
        arguments.repetitions,
        arguments.seed,
    )
    limited = made["at_most"]
    beyond = made["rate"] - made["said"]
    above = limited & (beyond > 0)
    off = ~limited & (beyond.abs() > POWER_BAND)
    slack = 2 * made["error"]
    far = (above & (beyond > slack)) | (off & (beyond.abs() > POWER_BAND + slack))
    words = [f"{'at most ' if limit else ''}{rounded(said, 3)}" for said, limit in made[["said", "at_most"]].to_numpy()]
    return (
        f"Share of {arguments.repetitions} simulated families, of one method with {arguments.comparisons} others and "
        f"adjusted by Holm's rule, in which a verdict says so (± the Monte-Carlo standard error; in brackets what plan "
        f"says, or what it may be).\n\n{_pivoted(_named(made), 'claim', words)}\n\n"
        f"Limits: {above.sum()} of {limited.sum()} rates above theirs, {(far & limited).sum()} of them by more than "
        f"twice the Monte-Carlo error. Power: {off.sum()} of {(~limited).sum()} rates more than {POWER_BAND} from what "
        f"plan says, {(far & ~limited).sum()} of them beyond twice the Monte-Carlo error.\n"
        "The smallest effect of interest is "
        f"{100 * arguments.smallest_effect:g} points; a design's margin is that with which plan says equivalence of "
        "methods that do not differ is shown four times in five.\n"
    )


def _pairs(arguments: argparse.Namespace) -> list[tuple[int, int]]:
    return [(questions, seeds) for questions in arguments.questions for seeds in arguments.seeds]


def _designs(arguments: argparse.Namespace) -> list[Design]:
    return [Design(*pair, deviation) for deviation in arguments.seed_sd for pair in _pairs(arguments)]


def _simulated(arguments: argparse.Namespace) -> str:
    return (
        f"{arguments.repetitions} simulated experiments without a difference, {arguments.samples} samples a question "
        "and seed (± the Monte-Carlo standard error)"
    )


def _named(rates: pd.DataFrame) -> pd.DataFrame:
    """With a column ``design`` that names questions, seeds and the seeds' deviation."""
    return rates.assign(
        design=[
            f"n = {n}, S = {s}, seed sd {deviation:g}"
            for n, s, deviation in zip(rates["questions"], rates["seeds"], rates["seed_sd"], strict=True)
        ]
    )


def _pivoted(rates: pd.DataFrame, of: str, words: Sequence[str] | None = None) -> str:
    """A row for each ``of``, a column for each design, both in their order; ``words`` in brackets behind the rates."""
    text = [
        f"{rounded(rate, 3)} ± {rounded(error, 3)}" for rate, error in zip(rates["rate"], rates["error"], strict=True)
    ]
    if words is not None:
        text = [f"{shown} ({word})" for shown, word in zip(text, words, strict=True)]
    table = rates.assign(text=text).pivot(index=of, columns="design", values="text")
    in_order = table.loc[rates[of].unique(), rates["design"].unique()]
    return str(in_order.reset_index().to_markdown(index=False, disable_numparse=True))
