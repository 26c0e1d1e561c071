"""The commands of ``python -m analysis``."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.cli.arguments import one_line, parser
from analysis.intake.arms import read_arms
from analysis.tables.names import described


def grade(arguments: argparse.Namespace) -> None:
    """Samples to grades, with a line on what was found."""
    from analysis.intake.samples import OUTCOME, Grader, read_answers, read_samples
    from analysis.output import write_parquet
    from analysis.statistics.scores import disagreements
    from analysis.tables.numbers import rounded

    answers = read_answers(arguments.problems)
    samples = read_samples(arguments.samples, answers, arguments.k)
    with Grader(arguments.workers) as grader:
        grades = grader.grade(samples, answers)
    write_parquet(arguments.out, grades)
    rates = {
        name: grades[name].astype(float).mean() for name in ("correct", "verify_correct", "unanswered", "truncated")
    }
    different = grades[disagreements(grades)]
    rates["scorers disagree"] = len(different) / len(grades)
    shown = ", ".join(f"{name} {rounded(rate, 4)}" for name, rate in rates.items())
    print(f"{arguments.out}: {len(grades)} responses to {len(answers)} questions: {shown}")
    counts = grades[OUTCOME].value_counts().sort_index()
    print(f"outcomes: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    if grader.overdue:
        print(f"the second scorer gave up {grader.overdue} of them: there is no verdict of its")
    for row in different.to_dict("records"):
        boxed = "no box" if row["unanswered"] else f"boxed {row['extracted']!r}"
        verdicts = " against ".join("right" if row[name] else "wrong" for name in ("correct", "verify_correct"))
        print(f"scorers disagree: question {row['question_id']!r}, sample {row['sample']}, {boxed}: {verdicts}")


def scores(arguments: argparse.Namespace) -> None:
    """Grades of all cells to one table of counts."""
    from analysis.intake.cells import Cell
    from analysis.intake.grades import read_grades
    from analysis.output import write_parquet
    from analysis.statistics.scores import score

    cells = [Cell.parse(text) for text in arguments.cells]
    table = pd.concat(
        [score(cell, read_grades(cell.grades(arguments.grades_dir))) for cell in cells], ignore_index=True
    )
    write_parquet(arguments.out, table)


def tables(arguments: argparse.Namespace) -> None:
    """Scores, grades, training metrics and run records to the tables; that of ablations where some are declared."""
    from analysis.intake.grades import read_votes
    from analysis.intake.runs import read_run
    from analysis.intake.training_log import read_training_log
    from analysis.intake.transcripts import FILE, read_transcripts
    from analysis.statistics.consulting import facts
    from analysis.statistics.learning import learned
    from analysis.statistics.scores import majority, read_scores
    from analysis.tables import (
        ABLATIONS,
        CLAIMS,
        CONSULTING,
        DOMAIN_PAIRS,
        DOMAINS,
        LEARNING,
        LEARNING_PAIRS,
        SENSITIVITY,
        SOMETIMES,
    )
    from analysis.tables.ablations import Ablation, ablations_table
    from analysis.tables.claims import claims_table
    from analysis.tables.consulting import consulting_table
    from analysis.tables.domains import Domains, domain_pairs, domains_table
    from analysis.tables.files import remove_table, write_table
    from analysis.tables.learning import learning_pairs, learning_table
    from analysis.tables.main import main_table
    from analysis.tables.sensitivity import Setting, sensitivity_table
    from analysis.tables.significance import significance_table

    pairs = [_pair(text) for text in arguments.pairs]
    ablations = [Ablation.parse(text) for text in arguments.ablations]
    domains = Domains.parse(arguments.domains, arguments.trained_on)
    settings = [Setting.parse(text) for text in arguments.settings]
    table = read_scores(arguments.scores)
    votes = pd.concat(
        [majority(cell, read_votes(cell.grades(arguments.grades_dir)), arguments.k) for cell in table.cells],
        ignore_index=True,
    )
    runs = [read_run(path) for path in arguments.runs]
    metrics = [_run(text) for text in arguments.metrics]
    logs = [read_training_log(*one) for one in metrics]
    curves = learned(logs, runs)
    rollouts = {
        (method, seed): facts(read_transcripts(file))
        for method, seed, path in metrics
        if (file := path.with_name(FILE)).exists()
    }
    compared = [*pairs, *((one.full, one.without) for one in ablations)]
    tested = significance_table(table, pairs, votes, arguments.smallest_effect)
    ablated = ablations_table(table, ablations) if ablations else None
    trained = {run.method for run in runs}
    made = {
        "main": main_table(table, votes, arguments.k, runs),
        "significance": tested,
        LEARNING: learning_table(curves),
        LEARNING_PAIRS: learning_pairs(curves, compared),
        CONSULTING: consulting_table(logs, rollouts),
        CLAIMS: claims_table(table, tested, ablated, trained, arguments.smallest_effect),
    }
    if ablated is not None:
        made[ABLATIONS] = ablated
    if domains is not None:
        made[DOMAINS] = domains_table(table, domains)
        made[DOMAIN_PAIRS] = domain_pairs(table, domains, pairs, votes, arguments.smallest_effect)
    if settings:
        made[SENSITIVITY] = sensitivity_table(table, settings)
    for name in {*SOMETIMES} - made.keys():
        # Of an earlier experiment of this name: the report would take it for this one's.
        remove_table(arguments.out_dir, name)
    for name, content in made.items():
        write_table(arguments.out_dir, name, content)
    print(f"declared family of {len(pairs)} (Holm): {', '.join(arguments.pairs)}")
    print(f"smallest effect of interest: {100 * arguments.smallest_effect:g} points")
    if ablations:
        print(f"declared ablations, {len(ablations)} (Benjamini-Hochberg): {', '.join(arguments.ablations)}")


def figures(arguments: argparse.Namespace) -> None:
    """Training metrics, run records, scores, grades and tables to figures."""
    from analysis.intake.grades import read_responses
    from analysis.intake.runs import read_run
    from analysis.intake.training_log import read_training_log
    from analysis.plots.drawing import Experiment, draw
    from analysis.statistics.scores import read_scores
    from analysis.tables.ablations import read_ablations
    from analysis.tables.consulting import read_consulting
    from analysis.tables.significance import read_significance

    logs = [read_training_log(*_run(text)) for text in arguments.metrics]
    table = read_scores(arguments.scores)
    responses = [read_responses(cell, arguments.grades_dir) for cell in table.cells]
    experiment = Experiment(
        table,
        read_significance(arguments.tables_dir),
        read_ablations(arguments.tables_dir),
        pd.concat(responses, ignore_index=True),
        logs,
        [read_run(path) for path in arguments.runs],
        read_consulting(arguments.tables_dir),
    )
    draw(experiment, arguments.out_dir)


def report(arguments: argparse.Namespace) -> None:
    """Tables, figures and run records to one HTML file; prints its first sentence."""
    from analysis.output import write_text
    from analysis.report.page import build

    html, conclusion = build(
        arguments.experiment, arguments.tables_dir, arguments.figures_dir, arguments.runs, arguments.notes
    )
    write_text(arguments.out, html)
    if arguments.answer is not None:
        paragraphs = (f"**{conclusion.sentence}**", conclusion.basis, *conclusion.warnings)
        write_text(arguments.answer, "\n\n".join(paragraphs) + "\n")
    print(conclusion.sentence)


def compare(arguments: argparse.Namespace) -> None:
    """Two folders of samples to both tables, printed and written, and what follows."""
    from analysis.cli.compare import compare as made_of
    from analysis.intake.cells import ALL
    from analysis.tables.files import markdown_text, write_table
    from analysis.tables.shown import diagnostic_rows, main_rows, test_rows

    made = made_of(
        arguments.a,
        arguments.b,
        arguments.benchmark,
        arguments.problems,
        arguments.k,
        arguments.workers,
        arguments.smallest_effect,
    )
    for name, content in (("main", made.main), ("significance", made.significance)):
        write_table(arguments.out_dir, name, content)
    pooled = made.significance[made.significance["benchmark"] == ALL]
    for rows in (main_rows(made.main), diagnostic_rows(made.main), test_rows(pooled)):
        print(pd.DataFrame(rows).map(markdown_text).to_markdown(index=False, disable_numparse=True), end="\n\n")
    print("\n".join([made.conclusion.sentence, made.conclusion.basis, *made.conclusion.warnings]))
    if made.unverified:
        print(f"The second scorer gave up {made.unverified} responses: there is no verdict of its.")
    print(f"Written: main and significance, .csv, .md and .tex, in {arguments.out_dir}")


def show(arguments: argparse.Namespace) -> None:
    """Rollouts of a run as text."""
    from analysis.cli.show import show as shown

    print(shown(arguments.run, arguments.step, arguments.prompt, arguments.consulted, arguments.n), end="")


def claims(arguments: argparse.Namespace) -> None:
    """What becomes of the paper's claims, printed, and written into a page where one is named."""
    from analysis.cli.claims import claims_text, write_page

    text = claims_text(arguments.tables)
    if arguments.page is not None:
        write_page(arguments.page, text)
    print(text, end="")


def plan(arguments: argparse.Namespace) -> None:
    """The designs that a wanted effect needs."""
    from analysis.cli.planning import planned

    pair = None if arguments.pair is None else _pair(arguments.pair)
    if (arguments.scores is None) != (pair is None):
        raise InputError("--scores and --pair: needed are both or neither")
    if arguments.confidence is not None and pair is None:
        raise InputError("--confidence: it is about what --scores and --pair tell; needed are these, too")
    print(planned(arguments, pair), end="")


def calibrate(arguments: argparse.Namespace) -> None:
    """How often tests and verdicts err, and how often intervals hold the truth, on simulated experiments."""
    from analysis.cli.calibration import calibrated

    print(calibrated(arguments), end="")


def merge(arguments: argparse.Namespace) -> None:
    """Shards of an experiment to all that its workflow makes of grades and runs, and a note on what they hold."""
    from analysis.cli.merge import merge as made_of

    made_of(arguments.shards, arguments.out_dir, _carry_out)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    command.__name__: command
    for command in (grade, scores, tables, figures, report, merge, claims, show, compare, plan, calibrate)
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; bad input is one line on stderr and exit status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal, or a pipe, that does not take every letter.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _carry_out(argv)
    except InputError as error:
        print(f"analysis: {one_line(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"analysis: {one_line(str(error.filename or 'output'))}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _carry_out(argv: Sequence[str] | None) -> None:
    arguments = parser().parse_args(argv)
    arms = getattr(arguments, "arms", None)
    with described(read_arms(arms) if arms is not None else {}):
        COMMANDS[arguments.command](arguments)


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
