"""The figures of an experiment, each with its caption; what each draws is a module of :mod:`analysis.plots`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.intake.scores import Scores
from analysis.intake.training_log import TrainingLog
from analysis.output import write_text
from analysis.plots import Drawn, style
from analysis.plots.comparison import comparison
from analysis.plots.consultation import consultation_over_training
from analysis.plots.cost import cost_and_accuracy
from analysis.plots.differences import paired_differences
from analysis.plots.length import length_and_correctness
from analysis.plots.pass_at_k import pass_at_k_curves
from analysis.plots.questions import question_heat_map
from analysis.plots.training import accuracy_over_training


@dataclass(frozen=True)
class Experiment:
    """All that is drawn from.

    Attributes:
        scores: counts of every method, seed and question.
        significance: the significance table.
        responses: a row each, with the columns method, n_tokens, correct, unanswered.
        logs: of the training runs.
        runs: run.json of each of them.
    """

    scores: Scores
    significance: pd.DataFrame
    responses: pd.DataFrame
    logs: Sequence[TrainingLog]
    runs: Sequence[Mapping[str, Any]]


#: Files of the figures, without their endings, and how each is drawn.
FIGURES: dict[str, Callable[[Experiment], Drawn]] = {
    "paired_differences": lambda e: paired_differences(e.scores, e.significance),
    "comparison": lambda e: comparison(e.scores),
    "question_heat_map": lambda e: question_heat_map(e.scores),
    "pass_at_k": lambda e: pass_at_k_curves(e.scores),
    "accuracy_over_training": lambda e: accuracy_over_training(e.logs, e.scores),
    "consultation_over_training": lambda e: consultation_over_training(e.logs, e.scores),
    "length_and_correctness": lambda e: length_and_correctness(e.responses, e.scores),
    "cost_and_accuracy": lambda e: cost_and_accuracy(e.runs, e.scores),
}


def draw(experiment: Experiment, folder: Path) -> None:
    """Write ``<figure>.pdf`` and ``.png``, and ``.rst``, the caption, for each of :data:`FIGURES`."""
    style.use()
    for stem, made_of in FIGURES.items():
        figure, caption = made_of(experiment)
        style.save(figure, folder, stem)
        write_text(folder / f"{stem}.rst", f"{caption}\n")
