"""A small experiment on generated samples, and the commands of ``python -m analysis`` on it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from analysis.cli.commands import main
from analysis.intake.transcripts import FILE
from analysis.plots import figures_of
from tests.transcripts import query, rollout, turn, write_rollouts

K = 4
BENCHMARKS = {"chains_a": 6, "chains_b": 4}
SEEDS = {"base": [0], "self_exploratory": [0, 1], "eapo": [0, 1]}
PAIRS = ["eapo:self_exploratory", "eapo:base", "self_exploratory:base"]
ARMS = {
    "base": {"title": "Base policy", "inline": "the base policy", "look": {"colour": "#595959", "marker": "D"}},
    "self_exploratory": {"title": "Self-exploratory RL", "inline": "self-exploratory RL", "look": None, "spends": []},
    "eapo": {"title": "EAPO", "look": {"colour": "#d55e00", "marker": "s"}, "spends": ["expert_tokens", "rollouts"]},
}
FATES = ("accepted", "annealed", "spared", "gated", "timed_out", "failed", "truncated")


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def problems(benchmark: str) -> list[dict]:
    return [
        {"id": f"{benchmark}-{i}", "problem": "1+1;2+2;3+3", "answer": str(100 + i), "source": "generated"}
        for i in range(BENCHMARKS[benchmark])
    ]


def write_arms(folder: Path) -> Path:
    path = folder / "arms.json"
    path.write_text(json.dumps(ARMS))
    return path


def samples(benchmark: str, rng: np.random.Generator, accuracy: float, asks: bool = False) -> list[dict]:
    rows = []
    for problem in problems(benchmark):
        for sample in range(K):
            value = problem["answer"] if rng.random() < accuracy else str(rng.integers(200, 900))
            text = f"step {rng.integers(10**6)};\\boxed{{{value}}}"
            rows.append(
                {
                    "question_id": problem["id"],
                    "sample": sample,
                    "response": text,
                    "n_tokens": 20,
                    "finish_reason": "stop",
                }
                | ({"expert_tokens": 5 + sample} if asks else {})
            )
    rows[0] |= {"response": "cut short", "finish_reason": "length"}
    return rows


def analyse(folder: Path) -> None:
    """Fill ``folder`` by the commands in their order."""
    rng = np.random.default_rng(3)
    for benchmark in BENCHMARKS:
        write_lines(folder / "data" / f"{benchmark}.jsonl", problems(benchmark))
    for method, accuracy in (("base", 0.3), ("self_exploratory", 0.6), ("eapo", 0.6)):
        for seed in SEEDS[method]:
            cell = f"{method}/seed{seed}"
            for benchmark in BENCHMARKS:
                path = write_lines(
                    folder / "samples" / cell / f"{benchmark}.jsonl",
                    samples(benchmark, rng, accuracy, method == "eapo"),
                )
                assert grade(folder, path, folder / "grades" / cell / f"{benchmark}.parquet") == 0
            if method != "base":
                write_run(folder / "runs" / cell, method, seed)
    cells = [f"{method}:{seed}:{benchmark}" for method in SEEDS for seed in SEEDS[method] for benchmark in BENCHMARKS]
    grades = ["--grades-dir", str(folder / "grades")]
    write_arms(folder)
    assert main(["scores", *grades, "--cells", *cells, "--out", str(folder / "scores.parquet")]) == 0
    assert tables(folder, folder / "tables") == 0
    assert figures(folder, folder / "figures") == 0
    assert report(folder, folder / "report.html") == 0


def write_run(folder: Path, method: str, seed: int) -> None:
    asks = method == "eapo"
    steps = [
        {"step": step, "accuracy_val_unassisted": 0.3 + 0.02 * step if step % 2 == 0 else None,
         "acceptance_rate": (1 / step if asks else 0.0) if step else None, "consult_rate": 0.4 if asks else 0.0,
         "accuracy_train_assisted": 0.5 if asks and step == 1 else None, "accuracy_train_unassisted": 0.3,
         "queries": 9 * asks, "accepted": 9 // step * asks if step else None, "policy_tokens": 150 if step else None,
         "expert_tokens": 10 * asks if step else None}
        for step in range(7)
    ]  # fmt: skip
    write_lines(folder / "metrics.jsonl", steps)
    if asks:
        # Two groups of three a step; the first of each asks, in the first half of the training.
        write_rollouts(
            folder / FILE,
            [
                rollout(
                    *[turn(query())] * (number == 0 and step < 4),
                    step=step,
                    correct=number < 2,
                    prompt=prompt,
                    rollout=number,
                )
                for step in range(1, 7)
                for prompt in ("chains-0", "chains-1")
                for number in range(3)
            ],
        )
    run = {
        "method": method, "kind": "rl", "seed": seed, "config_sha256": "c0ffee" * 10, "resolved_config": {},
        "git_sha": "badcafe" * 5, "versions": {"verl": "0.9.1"}, "hardware": {"cpu": "two cores"}, "wall_s": 90.0,
        "policy_tokens": 1234567, "expert_tokens": 89,
        "consultations": {"asked": 7 * len(FATES), **dict.fromkeys(FATES, 7)},
        "costs": {"policy_tokens_sampled": 1000 + seed, "policy_tokens_trained": 700 + seed, "expert_tokens": 89 * asks,
                  "expert_tokens_scored": 11 * asks, "expert_requests": 7 * asks, "expert_flops": 2e12 * asks,
                  "flops": 3e12 + 2e12 * asks, "rollouts": 5},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run))


def described(folder: Path) -> list[str]:
    return ["--arms", str(folder / "arms.json")] if (folder / "arms.json").exists() else []


def grade(folder: Path, path: Path, out: Path, k: int = K) -> int:
    data = folder / "data" / f"{path.stem}.jsonl"
    return main(["grade", "--samples", str(path), "--problems", str(data), "--k", str(k), "--out", str(out)])


def metrics(folder: Path) -> list[str]:
    return [
        f"{method}:{seed}:{folder / 'runs' / method / f'seed{seed}' / 'metrics.jsonl'}"
        for method in ("self_exploratory", "eapo")
        for seed in SEEDS[method]
    ]


def tables(folder: Path, out: Path, *more: str, k: int = K, pairs: list[str] = PAIRS) -> int:
    sources = ["--scores", str(folder / "scores.parquet"), "--grades-dir", str(folder / "grades"), *described(folder)]
    sources += ["--runs", *(str(path) for path in sorted(folder.glob("runs/*/*/run.json")))]
    sources += ["--metrics", *metrics(folder)] if (folder / "runs").exists() else []
    return main(["tables", *sources, "--k", str(k), "--pairs", *pairs, "--out-dir", str(out), *more])


def figures(folder: Path, out: Path) -> int:
    records = [str(path) for path in sorted(folder.glob("runs/*/*/run.json"))]
    folders = ["--grades-dir", str(folder / "grades"), "--tables-dir", str(folder / "tables")]
    scores = ["--scores", str(folder / "scores.parquet"), *described(folder)]
    return main(
        ["figures", "--metrics", *metrics(folder), "--runs", *records, *scores, *folders, "--out-dir", str(out)]
    )


def undrawn(experiment: Any, folder: Path) -> None:
    """In place of ``analysis.plots.drawing.draw``, which takes seconds: figures of nothing."""
    folder.mkdir(exist_ok=True)
    for stem in figures_of(experiment.ablations is not None):
        (folder / f"{stem}.png").write_bytes(bytes(24))
        (folder / f"{stem}.rst").write_text("")


def report(folder: Path, out: Path) -> int:
    runs = [str(path) for path in sorted(folder.glob("runs/*/*/run.json"))]
    sources = ["--tables-dir", str(folder / "tables"), "--figures-dir", str(folder / "figures")]
    answer = ["--answer", str(out.with_name("answer.rst")), *described(folder)]
    return main(["report", "--experiment", "tiny", *sources, "--runs", *runs, *answer, "--out", str(out)])
