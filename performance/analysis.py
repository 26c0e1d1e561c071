"""How fast samples are graded and turned into a report.

``python performance/analysis.py [--responses 100000] [--hostile 5000]``

One run prints: responses graded a second, plain and hostile ones, by one worker; and the seconds of scores, tables,
figures and report for 10 methods x 5 seeds x 70 questions x 32 samples with 10,000 bootstrap draws. ``taskset -c 0`` in
front gives the times on one core. What needs an engine is measured elsewhere.
"""

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

# This file's own folder comes first when it is run by its path, and hides the package of the same name.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.cli.commands import main as run_command
from analysis.intake.samples import Grader, Reference
from analysis.statistics.intervals import RESAMPLES

METHODS = [f"method_{index}" for index in range(10)]
SEEDS = 5
BENCHMARKS = {"set_a": 30, "set_b": 30, "set_c": 10}
SAMPLES = 32
PIECES = (
    *("{", "}", "\\boxed{", "\\fbox{", "9^{9^{9^9}}", "9", "!", "^", "**", "\\frac", "\\sqrt", "(", ")"),
    *("\x00", "\x1b", "\\text{", "\\sum_{i=1}^{9}", "=", ",", "$", "x", " ", "\\pmod", "</think>"),
    *("\u202e", "1e9", "\\int"),
)


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call, without what it prints."""
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        call()
    return time.perf_counter() - started


def frame(texts: list[str]) -> pd.DataFrame:
    """Samples of one question."""
    return pd.DataFrame(
        {"question_id": "q", "sample": range(len(texts)), "response": texts, "n_tokens": 1, "finish_reason": "stop"}
    )


def plain_responses(number: int) -> list[str]:
    """Reasoning of about 4,000 characters and a boxed answer, in the ways that models write it."""
    rng = random.Random(0)
    endings = ("The answer is $\\boxed{{{}}}$.", "**Answer**\n\\[\\boxed{{{}}}\\]", "so \\boxed{{{}}} is it", "cut {}")
    body = "Let $x_{1}$ be \\frac{a}{b}; then we have {x : x > 0} and so on, step after step. " * 50
    return [f"{body}{rng.random()}\n{rng.choice(endings).format(rng.randrange(1000))}" for _ in range(number)]


def hostile_responses(number: int) -> list[str]:
    """Fragments at random, one in a thousand with a megabyte of digits or braces."""
    rng = random.Random(1)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(80))) for _ in range(number)]
    for index in range(0, number, 1000):
        texts[index] += rng.choice(("\\boxed{" + "9" * 10**6 + "}", "{" * 10**6, "\\boxed{" * 10**5))
    return texts


def grading(name: str, texts: list[str]) -> None:
    """Print the throughput of both scorers together, with one worker process."""
    with Grader() as grader:
        seconds = timed(lambda: grader.grade(frame(texts), {"q": Reference("25", "integers")}))
    print(f"grading, {name}: {len(texts)} responses in {seconds:.1f} s, {len(texts) / seconds:.0f} a second")


def write_grades(folder: Path) -> list[str]:
    """Grades, metrics and run records of all methods; returns the cells."""
    rng = np.random.default_rng(0)
    cells = []
    for method in METHODS:
        for seed in range(SEEDS):
            for benchmark, questions in BENCHMARKS.items():
                p = rng.beta(1.2, 1.2, questions).repeat(SAMPLES)
                correct = rng.random(len(p)) < p
                numbers = np.where(correct, 25, rng.integers(26, 40, len(p)))
                grades = pd.DataFrame(
                    {
                        "question_id": [f"q{index}" for index in range(questions) for _ in range(SAMPLES)],
                        "sample": list(range(SAMPLES)) * questions,
                        "response": [f"{text} " * 100 + f"\\boxed{{{n}}}" for text, n in zip(p, numbers, strict=True)],
                        "n_tokens": rng.integers(100, 8000, len(p)),
                        "finish_reason": "stop",
                        "extracted": numbers.astype(str),
                        "correct": correct,
                        "verify_correct": correct,
                        "unanswered": False,
                        "truncated": False,
                        "expert_tokens": 0,
                    }
                )
                path = folder / "grades" / method / f"seed{seed}" / f"{benchmark}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                grades.to_parquet(path, index=False)
                cells.append(f"{method}:{seed}:{benchmark}")
            write_run(folder / "runs" / method / f"seed{seed}", method, seed)
    return cells


def write_run(folder: Path, method: str, seed: int) -> None:
    """A training run of 50 steps."""
    folder.mkdir(parents=True)
    lines = [
        json.dumps(
            {
                "step": step,
                "accuracy_val_unassisted": 0.3 + step / 200,
                "acceptance_rate": 1 / (step + 1),
                "consult_rate": 0.4,
                "copy_rate": 0.1,
                "accuracy_train_assisted": 0.5,
                "accuracy_train_unassisted": 0.4,
            }
        )
        for step in range(51)
    ]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    run = {
        "method": method, "seed": seed, "config_sha256": "0" * 64, "git_sha": "0" * 40, "versions": {}, "wall_s": 1.0,
        "policy_tokens": 10**6, "expert_tokens": 10**5, "consultations": {},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run))


def report() -> None:
    """Print the seconds of each stage from grades to the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cells = write_grades(folder)
        runs = [folder / "runs" / method / f"seed{seed}" for method in METHODS for seed in range(SEEDS)]
        grades = ["--grades-dir", str(folder / "grades")]
        scores = ["--scores", str(folder / "scores.parquet")]
        pairs = [f"{METHODS[0]}:{other}" for other in METHODS[1:]]
        metrics = [f"{run.parent.name}:{run.name.removeprefix('seed')}:{run / 'metrics.jsonl'}" for run in runs]
        records = ["--runs", *(str(run / "run.json") for run in runs)]
        tables, figures = ["--tables-dir", str(folder / "tables")], ["--figures-dir", str(folder / "figures")]
        stages = {
            "scores": ["scores", *grades, "--cells", *cells, "--out", str(folder / "scores.parquet")],
            "tables": [
                *("tables", *scores, *grades, "--k", str(SAMPLES)),
                *("--pairs", *pairs, "--metrics", *metrics, *records, "--out-dir", str(folder / "tables")),
            ],
            "figures": [
                *("figures", *scores, *grades, *tables, *records, "--metrics", *metrics),
                *("--out-dir", str(folder / "figures")),
            ],
            "report": [
                *("report", "--experiment", "benchmark", *tables, *figures, *records),
                *("--out", str(folder / "report.html")),
            ],
        }
        seconds = {stage: timed(partial(checked, arguments)) for stage, arguments in stages.items()}
    shown = ", ".join(f"{stage} {value:.1f} s" for stage, value in seconds.items())
    print(
        f"report of {len(METHODS)} methods x {SEEDS} seeds x {sum(BENCHMARKS.values())} questions x {SAMPLES} samples, "
        f"{len(pairs)} comparisons, {RESAMPLES} draws: {sum(seconds.values()):.1f} s ({shown})"
    )


def checked(arguments: list[str]) -> None:
    """Run a command of ``python -m analysis``."""
    if run_command(arguments) != 0:
        raise SystemExit(f"analysis {arguments[0]} failed")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=100_000, help="plain ones to grade")
    parser.add_argument("--hostile", type=int, default=5_000, help="hostile ones to grade")
    arguments = parser.parse_args()
    grading("plain", plain_responses(arguments.responses))
    grading("hostile", hostile_responses(arguments.hostile))
    report()


if __name__ == "__main__":
    main()
