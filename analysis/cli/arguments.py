"""The arguments of ``python -m analysis``, read before anything is imported or done."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from analysis.statistics.smallest_effect import LEAST, MOST, SMALLEST_EFFECT

#: What ``calibrate`` prints, a table each; the last only where it is asked for, since it takes many minutes.
CALIBRATED = ("tests", "intervals", "verdicts", "model")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"analysis: {one_line(message)}\n")


def one_line(message: str) -> str:
    """The message with a character that is not printed, as a line end in a file's name, as ``\\n``."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in message)


def parser() -> argparse.ArgumentParser:
    """A parser whose result names the command in ``command``; a bad argument is one line and exit status 2."""
    whole = _Parser(prog="analysis", description="Grade samples and say what can be concluded from them.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")

    one = commands.add_parser("grade", help="grade one run's samples on one benchmark")
    one.add_argument(
        "--samples", type=Path, required=True, help="JSON lines: question_id, sample, response, n_tokens, finish_reason"
    )
    one.add_argument("--problems", type=Path, required=True, help="JSON lines: id, answer")
    one.add_argument("--k", type=_positive, required=True, help="samples expected of each question, numbered from 0")
    one.add_argument("--workers", type=_workers, default=1, help=f"{_WORKERS} (default: 1)")
    one.add_argument("--out", type=Path, required=True, help="parquet file to write")

    one = commands.add_parser("scores", help="count over the grades of all methods, seeds and benchmarks")
    one.add_argument("--grades-dir", type=Path, required=True, help="holds <method>/seed<k>/<benchmark>.parquet")
    one.add_argument("--cells", nargs="+", required=True, metavar="METHOD:SEED:BENCHMARK")
    one.add_argument("--out", type=Path, required=True, help="parquet file to write")

    one = commands.add_parser("tables", help="write every table as .csv, .md and .tex")
    one.add_argument("--scores", type=Path, required=True)
    one.add_argument("--grades-dir", type=Path, required=True, help="holds <method>/seed<k>/<benchmark>.parquet")
    one.add_argument("--k", type=_positive, required=True, help="the k of pass@k and maj@k")
    one.add_argument("--pairs", nargs="+", required=True, metavar="A:B", help="the declared comparisons, A minus B")
    one.add_argument(
        "--ablations", nargs="+", default=[], metavar="COMPONENT=FULL:WITHOUT", help="none: no table of ablations"
    )
    one.add_argument(
        "--domains", nargs="+", default=[], metavar="BENCHMARK=DOMAIN", help="none: no table in and out of the domain"
    )
    one.add_argument(
        "--settings", nargs="+", default=[], metavar="ARM=WORDING:TEMPERATURE", help="none: no table of sensitivity"
    )
    one.add_argument("--trained-on", metavar="DOMAIN", help="of the problems that methods are trained on")
    _smallest_effect(one)
    one.add_argument("--runs", nargs="*", type=Path, default=[], metavar="FILE", help=f"{_RUNS}, for what it cost")
    one.add_argument(
        "--metrics",
        nargs="*",
        default=[],
        metavar="METHOD:SEED:FILE",
        help=f"{_METRICS}; rollouts.jsonl.gz beside one is read, too, where there is one",
    )
    one.add_argument("--arms", type=Path, help=_ARMS)
    one.add_argument("--out-dir", type=Path, required=True)

    one = commands.add_parser("figures", help="write every figure as .pdf and .png, and its caption as .rst")
    one.add_argument("--metrics", nargs="*", required=True, metavar="METHOD:SEED:FILE", help=_METRICS)
    one.add_argument("--runs", nargs="*", type=Path, required=True, metavar="FILE", help=_RUNS)
    one.add_argument("--arms", type=Path, help=_ARMS)
    one.add_argument("--scores", type=Path, required=True)
    one.add_argument("--grades-dir", type=Path, required=True, help="holds <method>/seed<k>/<benchmark>.parquet")
    one.add_argument(
        "--tables-dir",
        type=Path,
        required=True,
        help="holds significance.csv, consulting.csv, and ablations.csv if any",
    )
    one.add_argument("--out-dir", type=Path, required=True)

    one = commands.add_parser("report", help="write one self-contained HTML page")
    one.add_argument("--experiment", required=True, help="its name")
    one.add_argument("--tables-dir", type=Path, required=True)
    one.add_argument("--figures-dir", type=Path, required=True)
    one.add_argument("--runs", nargs="*", type=Path, required=True, metavar="FILE", help=_RUNS)
    one.add_argument("--arms", type=Path, help=_ARMS)
    one.add_argument("--notes", nargs="*", default=[], metavar="TEXT", help="what a reader has to know first")
    one.add_argument("--answer", type=Path, help="reStructuredText to write with what the page says first")
    one.add_argument("--out", type=Path, required=True)

    one = commands.add_parser("merge", help="shards of an experiment to its tables, figures and report")
    one.add_argument("shards", nargs="+", type=Path, metavar="SHARD", help="folder with shard.json (docs/shards.md)")
    one.add_argument("--out-dir", type=Path, required=True)

    one = commands.add_parser("claims", help="what becomes of the paper's claims in one experiment or several")
    one.add_argument("tables", nargs="+", type=Path, metavar="TABLES_DIR", help="folder with claims.csv")
    one.add_argument("--page", type=Path, help="Markdown whose table of claims is to be written anew")

    one = commands.add_parser("show", help="print rollouts of a training run: queries, replies, rewards")
    one.add_argument("run", type=Path, metavar="RUN_DIR", help="holds rollouts.jsonl.gz")
    one.add_argument("--step", type=_natural, help="of this training step only")
    one.add_argument("--prompt", metavar="ID", help="of this problem only")
    one.add_argument(
        "--n",
        type=_positive,
        default=6,
        metavar="N",
        help="rollouts to print, of more: N evenly spaced ones (default: 6)",
    )
    one.add_argument("--consulted", action="store_true", help="only rollouts that consulted")

    one = commands.add_parser("compare", help="compare two folders of samples, this project's or another harness's")
    one.add_argument("a", type=Path, metavar="A", help=_FOLDER)
    one.add_argument("b", type=Path, metavar="B", help="the method that it is compared with: A minus B")
    one.add_argument("--benchmark", nargs="+", default=[], metavar="NAME", help="limit the comparison to these")
    one.add_argument(
        "--problems",
        type=Path,
        help="folder with <benchmark>.jsonl (id, answer), for samples without answers; default: a data/ above them",
    )
    one.add_argument("--k", type=_positive, help="the k of pass@k and maj@k (default: all samples of a question)")
    _smallest_effect(one)
    one.add_argument(
        "--workers",
        type=_workers,
        default=min(os.cpu_count() or 1, _MOST_WORKERS),
        help=f"{_WORKERS} (default: all cores)",
    )
    one.add_argument("--out-dir", type=Path, default=Path("comparison"), help="for the tables (default: comparison)")

    one = commands.add_parser("plan", help="how many questions, samples and seeds a wanted effect needs")
    one.add_argument("--effect", type=_share, default=0.05, help="true difference in accuracy, 0 to 1 (default: 0.05)")
    one.add_argument("--power", type=_power, default=0.8, help="chance of finding it, 0.5 to 0.99 (default: 0.8)")
    one.add_argument("--questions", type=_two, nargs="+", default=[30, 70], metavar="N", help="default: 30 70")
    one.add_argument("--samples", type=_positive, nargs="+", default=[8, 32], metavar="K", help="default: 8 32")
    one.add_argument("--seeds", type=_positive, nargs="+", default=[1, 3, 5, 10], metavar="S", help="default: 1 3 5 10")
    one.add_argument(
        "--comparisons", type=_positive, default=1, metavar="M", help="declared, of which this is one (default: 1)"
    )
    one.add_argument("--scores", type=Path, help="scores.parquet to estimate the sources of variance from")
    one.add_argument("--pair", metavar="A:B", help="the two methods in it")
    one.add_argument(
        "--confidence",
        type=_power,
        metavar="C",
        help="design on what a seed's deviation stays below so surely, 0.5 to 0.99 (default: on its estimate)",
    )

    one = commands.add_parser("calibrate", help="how often tests, intervals and verdicts err on simulated experiments")
    one.add_argument("--repetitions", type=_positive, default=600, metavar="R", help="of each design (default: 600)")
    one.add_argument("--seed", type=_natural, default=0, help="of the simulation (default: 0)")
    one.add_argument("--questions", type=_two, nargs="+", default=[30, 70], metavar="N", help="default: 30 70")
    one.add_argument("--seeds", type=_two, nargs="+", default=[3, 5], metavar="S", help="default: 3 5")
    one.add_argument("--samples", type=_positive, default=32, metavar="K", help="of each question (default: 32)")
    one.add_argument(
        "--seed-sd", type=_share, nargs="+", default=[0.02, 0.05], metavar="SD", help="of seeds (default: 0.02 0.05)"
    )
    one.add_argument(
        "--comparisons", type=_positive, default=3, metavar="M", help="of a family of verdicts (default: 3)"
    )
    _smallest_effect(one)
    one.add_argument(
        "--only", choices=CALIBRATED, nargs="+", default=CALIBRATED[:-1], help="parts of it (default: all but model)"
    )
    return whole


def _smallest_effect(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--smallest-effect",
        type=_margin,
        default=SMALLEST_EFFECT,
        metavar="D",
        help=f"smallest difference in accuracy that is of interest, 0 to 1 (default: {SMALLEST_EFFECT:g})",
    )


_RUNS = "run.json of each training run"
_METRICS = "metrics.jsonl of each training run"
_ARMS = "JSON by method: title, inline, look, spends (default: methods are called by their names)"
_WORKERS = "processes of the second scorer"
_MOST_WORKERS = 1024
_FOLDER = (
    "folder with <benchmark>.jsonl, lm-eval's samples_<task>_<date>.jsonl or what another harness wrote, or with one "
    "seed<k>/ of these for each training seed"
)


def _natural(text: str) -> int:
    return _whole(text, 0)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _two(text: str) -> int:
    return _whole(text, 2)


def _workers(text: str) -> int:
    if (number := _positive(text)) > _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r}: allowed are {_MOST_WORKERS}")
    return number


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r}: needed is a whole number of at least {least}")
    return int(text)


def _share(text: str) -> float:
    return _between(text, 0.001, 1.0)


def _margin(text: str) -> float:
    return _between(text, LEAST, MOST)


def _power(text: str) -> float:
    return _between(text, 0.5, 0.99)


def _between(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r}: needed is a number from {low:g} to {high:g}")
    return value
