"""The commands of ``python -m analysis``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.cli.arguments import parser


def grade(arguments: argparse.Namespace) -> None:
    """Samples to grades, with a line on what was found."""
    from analysis.intake.samples import Grader, read_answers, read_samples
    from analysis.output import write_parquet

    answers = read_answers(arguments.problems)
    samples = read_samples(arguments.samples, answers, arguments.k)
    with Grader(arguments.workers) as grader:
        grades = grader.grade(samples, answers)
    write_parquet(arguments.out, grades)
    rates = {name: grades[name].mean() for name in ("correct", "verify_correct", "unanswered", "truncated")}
    disagreements = grades[grades["correct"] != grades["verify_correct"]]
    rates["scorers disagree"] = len(disagreements) / len(grades)
    shown = ", ".join(f"{name} {rate:.4f}" for name, rate in rates.items())
    print(f"{arguments.out}: {len(grades)} responses to {len(answers)} questions: {shown}")
    for row in disagreements.to_dict("records"):
        boxed = "no box" if row["unanswered"] else f"boxed {row['extracted']!r}"
        verdicts = " against ".join("right" if row[name] else "wrong" for name in ("correct", "verify_correct"))
        print(f"scorers disagree: question {row['question_id']!r}, sample {row['sample']}, {boxed}: {verdicts}")


def scores(arguments: argparse.Namespace) -> None:
    """Grades of all cells to one table of counts."""
    from analysis.intake.scores import Cell, read_grades, score
    from analysis.output import write_parquet

    cells = [Cell.parse(text) for text in arguments.cells]
    table = pd.concat(
        [score(cell, read_grades(cell.grades(arguments.grades_dir))) for cell in cells], ignore_index=True
    )
    write_parquet(arguments.out, table)


def tables(arguments: argparse.Namespace) -> None:
    """Scores and grades to the main table, the significance table and, where ablations are declared, theirs."""
    from analysis.intake.scores import majority, read_scores, read_votes
    from analysis.output import remove_table, write_table
    from analysis.statistics.ablations import Ablation, ablations_table
    from analysis.statistics.comparisons import significance_table
    from analysis.tables.main import main_table

    pairs = [_pair(text) for text in arguments.pairs]
    ablations = [Ablation.parse(text) for text in arguments.ablations]
    table = read_scores(arguments.scores)
    votes = pd.concat(
        [majority(cell, read_votes(cell.grades(arguments.grades_dir)), arguments.k) for cell in table.cells],
        ignore_index=True,
    )
    made = {
        "main": main_table(table, votes, arguments.k),
        "significance": significance_table(table, pairs, votes),
    }
    if ablations:
        made["ablations"] = ablations_table(table, ablations)
    else:
        # Of an earlier experiment of this name: the report would take it for this one's.
        remove_table(arguments.out_dir, "ablations")
    for name, content in made.items():
        write_table(arguments.out_dir, name, content)
    print(f"declared family of {len(pairs)} (Holm): {', '.join(arguments.pairs)}")
    if ablations:
        print(f"declared ablations, {len(ablations)} (Benjamini-Hochberg): {', '.join(arguments.ablations)}")


def figures(arguments: argparse.Namespace) -> None:
    """Training metrics, run records, scores, grades and the significance table to figures."""
    from analysis.intake.provenance import read_run
    from analysis.intake.scores import read_responses, read_scores
    from analysis.intake.training_log import read_training_log
    from analysis.plots.figures import Experiment, draw
    from analysis.tables.files import read_significance

    logs = [read_training_log(*_run(text)) for text in arguments.metrics]
    table = read_scores(arguments.scores)
    responses = [read_responses(cell, arguments.grades_dir) for cell in table.cells]
    experiment = Experiment(
        table,
        read_significance(arguments.tables_dir),
        pd.concat(responses, ignore_index=True),
        logs,
        [read_run(path) for path in arguments.runs],
    )
    draw(experiment, arguments.out_dir)


def report(arguments: argparse.Namespace) -> None:
    """Tables, figures and run records to one HTML file; prints its first sentence."""
    from analysis.output import write_text
    from analysis.report.page import build

    html, conclusion = build(arguments.experiment, arguments.tables_dir, arguments.figures_dir, arguments.runs)
    write_text(arguments.out, html)
    if arguments.answer is not None:
        paragraphs = (f"**{conclusion.sentence}**", conclusion.basis, *conclusion.warnings)
        write_text(arguments.answer, "\n\n".join(paragraphs) + "\n")
    print(conclusion.sentence)


def compare(arguments: argparse.Namespace) -> None:
    """Two folders of samples to both tables, printed and written, and what follows."""
    from analysis.cli.compare import compare as made_of
    from analysis.intake.scores import ALL
    from analysis.output import write_table
    from analysis.tables.shown import diagnostic_rows, main_rows, test_rows

    made = made_of(arguments.a, arguments.b, arguments.benchmark, arguments.problems, arguments.k, arguments.workers)
    for name, content in (("main", made.main), ("significance", made.significance)):
        write_table(arguments.out_dir, name, content)
    pooled = made.significance[made.significance["benchmark"] == ALL]
    for rows in (main_rows(made.main), diagnostic_rows(made.main), test_rows(pooled)):
        print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True), end="\n\n")
    print("\n".join([made.conclusion.sentence, made.conclusion.basis, *made.conclusion.warnings]))
    print(f"Written: main and significance, .csv, .md and .tex, in {arguments.out_dir}")


def show(arguments: argparse.Namespace) -> None:
    """Rollouts of a run as text."""
    from analysis.cli.show import show as shown

    print(shown(arguments.run, arguments.step, arguments.prompt, arguments.consulted, arguments.n), end="")


def plan(arguments: argparse.Namespace) -> None:
    """The designs that a wanted effect needs."""
    from analysis.intake.scores import read_scores
    from analysis.statistics.plan import components_of, designs, seeds_for
    from analysis.statistics.power import Components

    if (arguments.scores is None) != (arguments.pair is None):
        raise InputError("--scores and --pair: needed are both or neither")
    sizes = Components()
    if arguments.scores is not None:
        sizes = components_of(read_scores(arguments.scores), *_pair(arguments.pair))
    needs = designs(
        sizes, arguments.effect, arguments.power, arguments.questions, arguments.samples, sorted(arguments.seeds)
    )
    seeds = seeds_for(sizes, arguments.effect, arguments.power, arguments.questions, arguments.samples)
    print(
        f"A true difference of {100 * arguments.effect:g} points, to be found with probability {arguments.power:g} by "
        "the crossed test at 0.05.\n"
        f"Standard deviations: question x method {sizes.question_method:.3f}, training seed {sizes.seed:.3f}, "
        f"question x seed {sizes.question_seed:.3f}; variance within a question {sizes.within:.3f} "
        f"({'assumed' if arguments.scores is None else f'estimated from {arguments.scores}'}).\n"
        "One seed: a claim about two checkpoints, not about methods. –: no number is enough.\n"
    )
    for table in (needs, seeds):
        print(table.map(_shown).to_markdown(index=False, disable_numparse=True), end="\n\n")


def calibrate(arguments: argparse.Namespace) -> None:
    """False-positive rates of all tests on simulated experiments without a difference."""
    from analysis.statistics.calibration import BAND, PRIMARY, false_positive_rates

    designs = [(questions, seeds) for questions in arguments.questions for seeds in arguments.seeds]
    rates = false_positive_rates(designs, arguments.samples, arguments.repetitions, arguments.seed)
    print(
        f"Share of {arguments.repetitions} simulated experiments without a difference in which p < 0.05 "
        f"(± its Monte-Carlo standard error); {arguments.samples} samples a question and seed.\n"
    )
    shown = rates.assign(
        design=[f"n = {n}, S = {s}" for n, s in zip(rates["questions"], rates["seeds"], strict=True)],
        text=[f"{rate:.3f} ± {error:.3f}" for rate, error in zip(rates["rate"], rates["error"], strict=True)],
    ).pivot(index="test", columns="design", values="text")
    in_order = shown.loc[rates["test"].unique(), [f"n = {n}, S = {s}" for n, s in designs]]
    print(in_order.reset_index().to_markdown(index=False, disable_numparse=True), end="\n\n")
    primary = rates[rates["test"] == PRIMARY]
    outside = ~primary["rate"].between(*BAND)
    slack = 2 * primary["error"]
    far = (primary["rate"] + slack < BAND[0]) | (primary["rate"] - slack > BAND[1])
    print(
        f"{PRIMARY}: {outside.sum()} of {len(primary)} rates outside {BAND[0]} to {BAND[1]}, {far.sum()} of them by "
        "more than twice the Monte-Carlo error.\nTests over questions pool the seeds, those over seeds the questions, "
        "posterior_probability (less likely order under 0.025) both."
    )


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    command.__name__: command for command in (grade, scores, tables, figures, report, show, compare, plan, calibrate)
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; bad input is one line on stderr and exit status 2."""
    arguments = parser().parse_args(argv)
    try:
        COMMANDS[arguments.command](arguments)
    except InputError as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"analysis: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _pair(text: str) -> tuple[str, str]:
    a, colon, b = text.partition(":")
    if not (a and colon and b) or ":" in b or a == b:
        raise InputError(f"--pairs {text!r}: needed are two different methods, A:B")
    return a, b


def _run(text: str) -> tuple[str, int, Path]:
    method, _, rest = text.partition(":")
    seed, _, path = rest.partition(":")
    if not (method and seed.isdecimal() and path):
        raise InputError(f"--metrics {text!r}: needed is METHOD:SEED:FILE, seed a number")
    return method, int(seed), Path(path)


def _shown(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.3f}" if isinstance(value, float) else str(value)
