"""The commands of ``python -m analysis``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError


def grade(arguments: argparse.Namespace) -> None:
    """Samples to grades, with a line on what was found."""
    from analysis.output import write_parquet
    from analysis.samples import grade_samples, read_answers, read_samples

    answers = read_answers(arguments.problems)
    grades = grade_samples(read_samples(arguments.samples, answers, arguments.k), answers)
    write_parquet(arguments.out, grades)
    rates = {name: grades[name].mean() for name in ("correct", "verify_correct", "unanswered", "truncated")}
    disagree = (grades["correct"] != grades["verify_correct"]).mean()
    rates["scorers disagree"] = disagree
    shown = ", ".join(f"{name} {rate:.4f}" for name, rate in rates.items())
    print(f"{arguments.out}: {len(grades)} responses to {len(answers)} questions: {shown}")


def scores(arguments: argparse.Namespace) -> None:
    """Grades of all cells to one table of counts."""
    from analysis.output import write_parquet
    from analysis.scores import Cell, read_grades, score

    cells = [Cell.parse(text) for text in arguments.cells]
    table = pd.concat(
        [score(cell, read_grades(cell.grades(arguments.grades_dir))) for cell in cells], ignore_index=True
    )
    write_parquet(arguments.out, table)


def tables(arguments: argparse.Namespace) -> None:
    """Scores and grades to the main table and the significance table."""
    from analysis.output import write_table
    from analysis.scores import majority, read_grades, read_scores
    from analysis.tables import main_table, significance_table

    pairs = [_pair(text) for text in arguments.pairs]
    table = read_scores(arguments.scores)
    votes = [majority(cell, read_grades(cell.grades(arguments.grades_dir)), arguments.k) for cell in table.cells]
    made = {
        "main": main_table(table, pd.concat(votes, ignore_index=True), arguments.k),
        "significance": significance_table(table, pairs),
    }
    for name, content in made.items():
        write_table(arguments.out_dir, name, content)


def figures(arguments: argparse.Namespace) -> None:
    """Training metrics and scores to figures."""
    from analysis.figures import accuracy_over_training, comparison, read_curve
    from analysis.scores import read_scores
    from analysis.style import save

    runs = [_run(text) for text in arguments.metrics]
    curves = [read_curve(method, seed, path) for method, seed, path in runs]
    table = read_scores(arguments.scores)
    save(accuracy_over_training(curves, table), arguments.out_dir, "accuracy_over_training")
    save(comparison(table), arguments.out_dir, "comparison")


def report(arguments: argparse.Namespace) -> None:
    """Tables, figures and run records to one HTML file; prints its first sentence."""
    from analysis.output import write_text
    from analysis.report import build

    html, sentence = build(arguments.experiment, arguments.tables_dir, arguments.figures_dir, arguments.runs)
    write_text(arguments.out, html)
    print(sentence)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; bad input is one line on stderr and exit status 2."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except InputError as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"analysis: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"analysis: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="analysis", description="Grade samples and say what can be concluded from them.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("grade", help="grade one run's samples on one benchmark")
    one.add_argument(
        "--samples", type=Path, required=True, help="JSON lines: question_id, sample, response, n_tokens, finish_reason"
    )
    one.add_argument("--problems", type=Path, required=True, help="JSON lines: id, answer")
    one.add_argument("--k", type=_positive, required=True, help="samples expected of each question, numbered from 0")
    one.add_argument("--out", type=Path, required=True, help="parquet file to write")
    one.set_defaults(command=grade)

    one = commands.add_parser("scores", help="count over the grades of all methods, seeds and benchmarks")
    one.add_argument("--grades-dir", type=Path, required=True, help="holds <method>/seed<k>/<benchmark>.parquet")
    one.add_argument("--cells", nargs="+", required=True, metavar="METHOD:SEED:BENCHMARK")
    one.add_argument("--out", type=Path, required=True, help="parquet file to write")
    one.set_defaults(command=scores)

    one = commands.add_parser("tables", help="write main and significance as .csv, .md and .tex")
    one.add_argument("--scores", type=Path, required=True)
    one.add_argument("--grades-dir", type=Path, required=True, help="holds <method>/seed<k>/<benchmark>.parquet")
    one.add_argument("--k", type=_positive, required=True, help="the k of pass@k and maj@k")
    one.add_argument("--pairs", nargs="+", required=True, metavar="A:B", help="the declared comparisons, A minus B")
    one.add_argument("--out-dir", type=Path, required=True)
    one.set_defaults(command=tables)

    one = commands.add_parser("figures", help="write accuracy_over_training and comparison as .pdf and .png")
    one.add_argument(
        "--metrics", nargs="+", required=True, metavar="METHOD:SEED:FILE", help="metrics.jsonl of each run"
    )
    one.add_argument("--scores", type=Path, required=True)
    one.add_argument("--out-dir", type=Path, required=True)
    one.set_defaults(command=figures)

    one = commands.add_parser("report", help="write one self-contained HTML page")
    one.add_argument("--experiment", required=True, help="its name")
    one.add_argument("--tables-dir", type=Path, required=True)
    one.add_argument("--figures-dir", type=Path, required=True)
    one.add_argument(
        "--runs", nargs="+", type=Path, required=True, metavar="FILE", help="run.json of each training run"
    )
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(command=report)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: needed is a whole number of at least 1")
    return int(text)


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
