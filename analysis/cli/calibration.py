"""What ``python -m analysis calibrate`` prints."""

from __future__ import annotations

import argparse

import pandas as pd

from analysis.statistics.calibration import BAND, false_positive_rates
from analysis.statistics.coverage import Design, coverage
from analysis.statistics.significance import PRIMARY
from analysis.tables.numbers import rounded


def calibrated(arguments: argparse.Namespace) -> str:
    """The false-positive rate of every test and the coverage of every interval that runs are drawn for."""
    designs = [(questions, seeds) for questions in arguments.questions for seeds in arguments.seeds]
    rates = false_positive_rates(designs, arguments.samples, arguments.repetitions, arguments.seed)
    wider = [Design(*design, deviation) for deviation in arguments.seed_sd for design in designs]
    held = coverage(wider, arguments.samples, arguments.repetitions, arguments.seed)
    primary = rates[rates["test"] == PRIMARY]
    outside = ~primary["rate"].between(*BAND)
    slack = 2 * primary["error"]
    far = (primary["rate"] + slack < BAND[0]) | (primary["rate"] - slack > BAND[1])
    simulated = (
        f"{arguments.repetitions} simulated experiments without a difference, {arguments.samples} samples a question "
        "and seed (± the Monte-Carlo standard error)"
    )
    rates = rates.assign(design=[f"n = {n}, S = {s}" for n, s in zip(rates["questions"], rates["seeds"], strict=True)])
    held = held.assign(
        design=[
            f"n = {n}, S = {s}, seed sd {deviation:g}"
            for n, s, deviation in zip(held["questions"], held["seeds"], held["seed_sd"], strict=True)
        ]
    )
    return (
        f"Share in which p < 0.05, of {simulated}.\n\n{_pivoted(rates, 'test')}\n\n"
        f"{PRIMARY}: {outside.sum()} of {len(primary)} rates outside {BAND[0]} to {BAND[1]}, {far.sum()} of them by "
        "more than twice the Monte-Carlo error.\nTests over questions pool the seeds, those over seeds the questions, "
        "posterior_probability (less likely order under 0.025) both.\n\n"
        f"Share in which a 95% interval holds the truth, of {simulated}.\n\n{_pivoted(held, 'interval')}\n\n"
        f"{PRIMARY}: of the difference, with runs: of a method's accuracy, both on other questions and with other runs."
        "\nprobability_of_improvement: with other runs on these questions; detectable: of what the design finds four "
        "times in five.\nSeed sd: the standard deviation of a training seed's effect.\n"
    )


def _pivoted(rates: pd.DataFrame, of: str) -> str:
    """A row for each ``of``, a column for each design, both in their order."""
    text = [
        f"{rounded(rate, 3)} ± {rounded(error, 3)}" for rate, error in zip(rates["rate"], rates["error"], strict=True)
    ]
    table = rates.assign(text=text).pivot(index=of, columns="design", values="text")
    in_order = table.loc[rates[of].unique(), rates["design"].unique()]
    return str(in_order.reset_index().to_markdown(index=False, disable_numparse=True))
