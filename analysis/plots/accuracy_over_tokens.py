"""Validation accuracy against what it had cost: what a token of policy or experts buys."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FixedLocator, MaxNLocator

from analysis.intake.runs import Run
from analysis.intake.training_log import TrainingLog
from analysis.plots import style
from analysis.plots.axes import legend_above, nothing, percent
from analysis.plots.curves import OVER_SEEDS, Runs, curves_of_methods, label_below, label_left
from analysis.plots.design import seeds_of
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.learning import learned
from analysis.statistics.scores import Scores
from analysis.tables.names import name

# From here on, dearest over cheapest run, the axis is logarithmic.
WIDE = 5


def accuracy_over_tokens(logs: Sequence[TrainingLog], runs: Sequence[Run], scores: Scores) -> Drawn:
    """Validation accuracy without experts against the tokens that policy and experts had written until then."""
    curves = learned(logs, runs)
    known = {method: one for method, one in curves.items() if one.tokens is not None}
    missing = ", ".join(name(method) for method in curves if method not in known)
    unknown = f" Not known of {missing}." if missing else ""
    if not known:
        return Drawn(
            nothing("No run tells what it cost."), f"No run of this experiment tells the tokens that it cost.{unknown}"
        )
    figure, panels = curves_of_methods(
        {method: Runs(one.curves, one.tokens) for method, one in known.items()}, style.looks(scores.methods)
    )
    ends = [one.tokens_span[1] for one in known.values()]
    measured = [float(x) for one in known.values() for spent in one.tokens or () for x in spent if x > 0]
    for axes in panels:
        _tokens_axis(axes, min(measured, default=1.0), max(measured, default=1.0), max(ends) > WIDE * min(ends))
        percent(axes)
    label_below(figure, panels, "Tokens of policy and experts")
    label_left(figure, panels, "Validation accuracy, no experts")
    if len(panels) == 1:
        legend_above(figure, panels[0])
    seeds = seeds_of((method, len(one.curves)) for method, one in known.items())
    return Drawn(
        figure,
        "Accuracy on the validation problems with experts locked off, against what the run had cost: tokens that the "
        "policy wrote and that experts wrote or gave log-probabilities of, discarded rollouts included. What was spent "
        "before the first step (experts' solutions, the run that it starts from) stands where a curve begins: one that "
        "learns from solutions alone stands upright. Tokens are not weighed by the size of a model. Thin lines: "
        f"training seeds; thick lines: means of accuracy and tokens; bands: {OVER_SEEDS}, on the same "
        f"problems.{unknown} {seeds}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return accuracy_over_tokens(experiment.logs, experiment.runs, experiment.scores)


def _tokens_axis(axes: Axes, least: float, most: float, wide: bool) -> None:
    """From zero to ``most``; ``least``: the smallest number above zero, up to which a wide axis is linear."""
    if wide:
        axes.set_xscale("symlog", linthresh=least, linscale=0.4)
        decades = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
        ticks = [digit * 10.0**power for power in decades for digit in (1, 3)]
        axes.xaxis.set_major_locator(FixedLocator([0.0, *(tick for tick in ticks if least < tick <= most)]))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlim(left=-0.15 * least)
