"""Draw the figures of an experiment, each with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from analysis.intake.runs import Run
from analysis.intake.training_log import TrainingLog
from analysis.output import write_text
from analysis.plots import figures_of, remove_of_ablations, style
from analysis.statistics.scores import Scores


class Drawn(NamedTuple):
    """A figure and its caption, which says what is shown, of how many questions, samples and seeds, which interval."""

    figure: Figure
    caption: str


@dataclass(frozen=True)
class Experiment:
    """All that is drawn from.

    Attributes:
        scores: counts of every method, seed and question.
        significance: the significance table.
        ablations: the ablation table; None without declared ablations.
        responses: a row each, with the columns method, n_tokens, correct, unanswered.
        logs: of the training runs.
        runs: the training runs.
        consulting: the table of what their policies do with experts.
    """

    scores: Scores
    significance: pd.DataFrame
    ablations: pd.DataFrame | None
    responses: pd.DataFrame
    logs: Sequence[TrainingLog]
    runs: Sequence[Run]
    consulting: pd.DataFrame


def draw(experiment: Experiment, folder: Path) -> None:
    """Write ``<figure>.pdf`` and ``.png``, and ``.rst``, the caption, for each of :func:`analysis.plots.figures_of`."""
    style.use()
    if experiment.ablations is None:
        remove_of_ablations(folder)
    for stem in figures_of(experiment.ablations is not None):
        drawn: Drawn = import_module(f"analysis.plots.{stem}").draw(experiment)
        style.save(drawn.figure, folder, stem)
        write_text(folder / f"{stem}.rst", f"{drawn.caption}\n")
