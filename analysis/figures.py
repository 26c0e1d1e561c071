"""Figures: accuracy over training, and the comparison of the methods on the benchmarks."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis import InputError, style
from analysis.scores import ALL, Scores
from analysis.tables import accuracy_interval

BASE = "base"


class Curve(NamedTuple):
    """Unassisted validation accuracy of one training run."""

    method: str
    seed: int
    steps: tuple[int, ...]
    accuracies: tuple[float, ...]


def read_curve(method: str, seed: int, path: Path) -> Curve:
    """The steps of a run's metrics.jsonl at which it was validated (step 0 is before training). Raises InputError."""
    points: dict[int, float] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            step, accuracy = row["step"], row["accuracy_val_unassisted"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}:{number}: needed is a JSON object with step and accuracy_val_unassisted"
            ) from error
        if accuracy is None:
            continue
        if not (isinstance(step, int) and isinstance(accuracy, int | float) and math.isfinite(accuracy)):
            raise InputError(
                f"{path}:{number}: step {step!r}, accuracy_val_unassisted {accuracy!r}: needed are numbers"
            )
        points[step] = float(accuracy)
    steps = tuple(sorted(points))
    return Curve(method, seed, steps, tuple(points[step] for step in steps))


def accuracy_over_training(curves: Sequence[Curve], scores: Scores) -> Figure:
    """Validation accuracy without experts against the training step: a thin line a seed, a thick one their mean.

    The base policy is the dashed line: its accuracy on the same validation problems (step 0) where the runs measured
    it, else its accuracy on the benchmarks.
    """
    style.use()
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    methods = list(dict.fromkeys(curve.method for curve in curves))
    looks = style.looks(methods)
    for method in methods:
        colour, marker = looks[method]
        runs = [curve for curve in curves if curve.method == method and curve.steps]
        for run in runs:
            axes.plot(run.steps, run.accuracies, color=colour, linewidth=0.8, alpha=0.45)
        shared = sorted(set.intersection(*(set(run.steps) for run in runs))) if runs else []
        mean = [float(np.mean([run.accuracies[run.steps.index(step)] for run in runs])) for step in shared]
        label = f"{style.name(method)} ({len(runs)} {'seed' if len(runs) == 1 else 'seeds'})"
        axes.plot(shared, mean, color=colour, marker=marker, markersize=4.5, linewidth=2.2, label=label)
    _base_line(axes, curves, scores)
    axes.set_xlabel("Training step")
    axes.set_ylabel("Validation accuracy, no experts")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _percent_axis(axes)
    axes.legend(loc="best")
    return figure


def comparison(scores: Scores) -> Figure:
    """avg@k by benchmark and method: 95% interval over questions, a dot per training seed."""
    style.use()
    rows = [*scores.benchmarks, ALL] if len(scores.benchmarks) > 1 else scores.benchmarks
    methods = scores.methods
    looks = style.looks(methods)
    figure, axes = plt.subplots(figsize=(max(6.4, 1.6 * len(rows)), 3.8))
    step = min(0.22, 0.75 / len(methods))
    for index, method in enumerate(methods):
        colour, marker = looks[method]
        place = np.arange(len(rows)) + (index - (len(methods) - 1) / 2) * step
        tables = [scores.accuracies(method, row) for row in rows]
        means = np.array([table.to_numpy().mean() for table in tables])
        intervals = [accuracy_interval(scores, method, row) for row in rows]
        bounds = np.array([[interval.low, interval.high] for interval in intervals]).T
        axes.vlines(place, bounds[0], bounds[1], color=colour, linewidth=1.8)
        axes.plot(place, means, marker, color=colour, markersize=7, markeredgecolor="white", label=style.name(method))
        for x, table in zip(place, tables, strict=True):
            if table.shape[1] > 1:
                seeds = table.mean(axis=0)
                axes.plot(np.full(len(seeds), x + 0.32 * step), seeds, ".", color=colour, markersize=4, alpha=0.8)
    if ALL in rows:
        axes.axvline(len(rows) - 1.5, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(rows)), [_row_label(scores, row) for row in rows])
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.grid(visible=False, axis="x")
    samples = sorted({int(n) for n in scores.frame["n"]})
    axes.set_ylabel(f"avg@{samples[0]}" if len(samples) == 1 else "Accuracy")
    _percent_axis(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(methods)))
    return figure


def _base_line(axes: Axes, curves: Sequence[Curve], scores: Scores) -> None:
    before = [curve.accuracies[curve.steps.index(0)] for curve in curves if 0 in curve.steps]
    if before:
        value, label = float(np.mean(before)), "Base policy (before training)"
    elif BASE in scores.methods:
        value, label = float(scores.accuracies(BASE, ALL).to_numpy().mean()), "Base policy (on the benchmarks)"
    else:
        return
    axes.axhline(value, color=style.looks([BASE])[BASE][0], linestyle="--", linewidth=1.4, label=label)


def _percent_axis(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(1.02, max(high, 0.05)))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0 if high > 0.1 else 1))


def _row_label(scores: Scores, row: str) -> str:
    rows: pd.DataFrame = scores.of(scores.methods[0], row)
    questions = len(rows[["benchmark", "question_id"]].drop_duplicates())
    return f"{'all questions' if row == ALL else row.replace('_', ' ')}\n(n = {questions})"
