"""The figures, a module each. This list of them is light: rules and the report read it, and load nothing else.

A figure is a module of its name with ``draw(experiment: Experiment) -> Drawn`` (:mod:`analysis.plots.drawing`), and a
line here.
"""

from pathlib import Path
from typing import NamedTuple


class Listed(NamedTuple):
    """Where the report shows a figure, and what stands for it where images are not shown."""

    section: str
    alt: str


#: By file, without its ending, in the order of the report. A section is a name in its template.
FIGURES = {
    "paired_differences": Listed("answer", "Paired differences of the declared comparisons"),
    "comparison": Listed("scores", "Accuracy of each method on each benchmark"),
    "question_heat_map": Listed("scores", "Accuracy of each method on each question"),
    "pass_at_k": Listed("scores", "pass@k against k"),
    "accuracy_over_training": Listed("training", "Validation accuracy over training"),
    "accuracy_over_tokens": Listed("training", "Validation accuracy against tokens of policy and experts"),
    "consultation_over_training": Listed("consulting", "Consultation over training"),
    "modes_over_training": Listed("consulting", "What policies ask, over training"),
    "worth_of_consulting": Listed("consulting", "What consulting earned within a group, over training"),
    "length_and_correctness": Listed("cost", "Length of right and wrong responses"),
    "cost_and_accuracy": Listed("cost", "Accuracy against tokens"),
}
#: As FIGURES, of an experiment that declares ablations.
OF_ABLATIONS = {"ablation_differences": Listed("ablations", "What each component adds, with its interval")}
#: Dots an inch of the images.
DPI = 200


def figures_of(ablations: bool) -> dict[str, Listed]:
    """The figures of an experiment, with or without declared ablations."""
    return FIGURES | OF_ABLATIONS if ablations else FIGURES


def remove_of_ablations(folder: Path) -> None:
    """Remove what an earlier experiment, one with ablations, has left in a folder of figures."""
    for stem in OF_ABLATIONS:
        for form in ("pdf", "png", "rst"):
            (folder / f"{stem}.{form}").unlink(missing_ok=True)
