"""The commands of ``python -m analysis`` end to end, on generated samples: files, figures, report, and bad input."""

import ast
import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import analysis
from analysis.cli import main
from analysis.comparisons import significance_table
from analysis.conclusion import conclude
from analysis.figures import FIGURES
from analysis.metrics import pass_at_k
from analysis.scores import read_scores
from analysis.significance import crossed_test

K = 4
BENCHMARKS = {"chains_a": 6, "chains_b": 4}
SEEDS = {"base": [0], "self_exploratory": [0, 1], "eapo": [0, 1]}
PAIRS = ["eapo:self_exploratory", "eapo:base", "self_exploratory:base"]
CONSULTATIONS = ("asked", "accepted", "annealed", "timed_out", "failed", "truncated")
MAIN = (
    "method benchmark avg_at_k ci_low ci_high pass_at_k maj_at_k var_within var_between "
    "n_questions n_samples n_seeds reported"
)
SIGNIFICANCE = "method_a method_b benchmark test difference ci_low ci_high p_value p_adjusted mde"


def test_analysis_stands_alone() -> None:
    """It has to run where no engine is installed, on samples of methods that are not this project's."""
    modules = sorted(Path(analysis.__file__).parent.rglob("*.py"))
    imported = {
        name.split(".")[0]
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert {"pandas", "scipy", "math_verify"} <= imported
    assert not imported & {"torch", "vllm", "verl", "lm_eval", "ray", "eapo_verl", "baselines", "workflow"}


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def problems(benchmark: str) -> list[dict]:
    return [
        {"id": f"{benchmark}-{i}", "problem": "1+1;2+2;3+3", "answer": str(100 + i), "source": "generated"}
        for i in range(BENCHMARKS[benchmark])
    ]


def samples(benchmark: str, rng: np.random.Generator, accuracy: float) -> list[dict]:
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
            )
    rows[0] |= {"response": "cut short", "finish_reason": "length"}
    return rows


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment's folder, analysed by the commands in their order."""
    folder = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(3)
    for benchmark in BENCHMARKS:
        write_lines(folder / "data" / f"{benchmark}.jsonl", problems(benchmark))
    for method, accuracy in (("base", 0.3), ("self_exploratory", 0.6), ("eapo", 0.6)):
        for seed in SEEDS[method]:
            cell = f"{method}/seed{seed}"
            for benchmark in BENCHMARKS:
                path = write_lines(folder / "samples" / cell / f"{benchmark}.jsonl", samples(benchmark, rng, accuracy))
                assert grade(folder, path, folder / "grades" / cell / f"{benchmark}.parquet") == 0
            if method != "base":
                write_run(folder / "runs" / cell, method, seed)
    cells = [f"{method}:{seed}:{benchmark}" for method in SEEDS for seed in SEEDS[method] for benchmark in BENCHMARKS]
    grades = ["--grades-dir", str(folder / "grades")]
    assert main(["scores", *grades, "--cells", *cells, "--out", str(folder / "scores.parquet")]) == 0
    assert tables(folder, folder / "tables") == 0
    assert figures(folder, folder / "figures") == 0
    assert report(folder, folder / "report.html") == 0
    return folder


def write_run(folder: Path, method: str, seed: int) -> None:
    asks = method == "eapo"
    steps = [
        {"step": step, "accuracy_val_unassisted": 0.3 + 0.02 * step if step % 2 == 0 else None,
         "acceptance_rate": (1 / step if asks else 0.0) if step else None, "consult_rate": 0.4 if asks else 0.0,
         "accuracy_train_assisted": 0.5 if asks and step == 1 else None, "accuracy_train_unassisted": 0.3}
        for step in range(7)
    ]  # fmt: skip
    write_lines(folder / "metrics.jsonl", steps)
    run = {
        "method": method, "kind": "rl", "seed": seed, "config_sha256": "c0ffee" * 10, "resolved_config": {},
        "git_sha": "badcafe" * 5, "versions": {"verl": "0.9.1"}, "hardware": {"cpu": "two cores"}, "wall_s": 90.0,
        "policy_tokens": 1234567, "expert_tokens": 89, "consultations": dict.fromkeys(CONSULTATIONS, 7),
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run))


def grade(folder: Path, path: Path, out: Path, k: int = K) -> int:
    data = folder / "data" / f"{path.stem}.jsonl"
    return main(["grade", "--samples", str(path), "--problems", str(data), "--k", str(k), "--out", str(out)])


def tables(folder: Path, out: Path, *more: str, k: int = K, pairs: list[str] = PAIRS) -> int:
    sources = ["--scores", str(folder / "scores.parquet"), "--grades-dir", str(folder / "grades")]
    return main(["tables", *sources, "--k", str(k), "--pairs", *pairs, "--out-dir", str(out), *more])


def figures(folder: Path, out: Path) -> int:
    runs = [
        f"{method}:{seed}:{folder / 'runs' / method / f'seed{seed}' / 'metrics.jsonl'}"
        for method in ("self_exploratory", "eapo")
        for seed in SEEDS[method]
    ]
    records = [str(path) for path in sorted(folder.glob("runs/*/*/run.json"))]
    folders = ["--grades-dir", str(folder / "grades"), "--tables-dir", str(folder / "tables")]
    scores = ["--scores", str(folder / "scores.parquet")]
    return main(["figures", "--metrics", *runs, "--runs", *records, *scores, *folders, "--out-dir", str(out)])


def report(folder: Path, out: Path) -> int:
    runs = [str(path) for path in sorted(folder.glob("runs/*/*/run.json"))]
    sources = ["--tables-dir", str(folder / "tables"), "--figures-dir", str(folder / "figures")]
    answer = ["--answer", str(out.with_name("answer.rst"))]
    return main(["report", "--experiment", "tiny", *sources, "--runs", *runs, *answer, "--out", str(out)])


def test_grades_hold_samples_and_verdicts(results: Path) -> None:
    grades = pd.read_parquet(results / "grades" / "eapo" / "seed1" / "chains_a.parquet")
    assert list(grades)[:5] == ["question_id", "sample", "response", "n_tokens", "finish_reason"]
    assert len(grades) == BENCHMARKS["chains_a"] * K
    first = grades.iloc[0]
    assert (first["truncated"], first["unanswered"], first["correct"], pd.isna(first["extracted"])) == (
        True,
        True,
        False,
        True,
    )
    rest = grades.iloc[1:]
    assert (rest["correct"] == (rest["extracted"].astype(int) < 200)).all()
    assert (grades["correct"] == grades["verify_correct"]).all()


def test_scores_count_the_grades(results: Path) -> None:
    scores = pd.read_parquet(results / "scores.parquet")
    cells = sum(len(seeds) for seeds in SEEDS.values())
    assert len(scores) == cells * sum(BENCHMARKS.values())
    assert set(scores["n"]) == {K}
    assert scores["truncated"].sum() == scores["unanswered"].sum() == cells * len(BENCHMARKS)
    grades = pd.concat(pd.read_parquet(path) for path in results.glob("grades/*/*/*.parquet"))
    assert scores["correct"].sum() == grades["correct"].sum()


def test_main_table_equals_a_direct_computation(results: Path) -> None:
    main_csv = pd.read_csv(results / "tables" / "main.csv")
    assert list(main_csv)[: len(MAIN.split())] == MAIN.split()
    assert len(main_csv) == len(SEEDS) * (len(BENCHMARKS) + 2)
    scores = pd.read_parquet(results / "scores.parquet").query("method == 'eapo'")
    accuracy = scores["correct"] / K
    rows = main_csv.query("method == 'eapo'").set_index("benchmark")
    pooled = rows.loc["all"]
    assert pooled["avg_at_k"] == pytest.approx(accuracy.mean())
    assert pooled["pass_at_k"] == pytest.approx(np.mean([pass_at_k(K, c, K) for c in scores["correct"]]))
    assert pooled["var_within"] + pooled["var_between"] == pytest.approx(accuracy.mean() * (1 - accuracy.mean()))
    assert rows.loc["macro", "avg_at_k"] == pytest.approx(rows.loc[list(BENCHMARKS), "avg_at_k"].mean())
    assert (pooled["n_questions"], pooled["n_samples"], pooled["n_seeds"]) == (10, K, 2)
    assert (main_csv["ci_low"] <= main_csv["avg_at_k"]).all() and (main_csv["avg_at_k"] <= main_csv["ci_high"]).all()
    assert main_csv["reported"].isna().all()


def test_significance_table_holds_the_declared_family(results: Path) -> None:
    table = pd.read_csv(results / "tables" / "significance.csv")
    assert list(table)[: len(SIGNIFICANCE.split())] == SIGNIFICANCE.split()
    crossed = table.query("test == 'crossed' and benchmark == 'all'")
    assert [f"{a}:{b}" for a, b in zip(crossed["method_a"], crossed["method_b"], strict=True)] == PAIRS
    scores = read_scores(results / "scores.parquet")
    arms = [scores.accuracies(method, "all").to_numpy() for method in ("eapo", "self_exploratory")]
    direct = crossed_test(*arms)
    first = crossed.iloc[0]
    assert (first["difference"], first["p_value"]) == pytest.approx((direct.difference, direct.p))
    assert (crossed["p_adjusted"] >= crossed["p_value"]).all()
    with_seeds = table.query("test == 'paired_t_seeds'")
    assert set(zip(with_seeds["method_a"], with_seeds["method_b"], strict=True)) == {("eapo", "self_exploratory")}


ABLATIONS = ["--ablations", "experts=eapo:self_exploratory", "training=eapo:base"]


def test_ablations_are_tested_and_shown_where_declared(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    assert not (folder / "tables" / "ablations.csv").exists()
    assert tables(folder, folder / "tables", *ABLATIONS) == 0
    table = pd.read_csv(folder / "tables" / "ablations.csv")
    assert {"component", "without", "difference", "ci_low", "ci_high", "p_value", "p_adjusted"} <= set(table)
    assert len(table) == 2 * (len(BENCHMARKS) + 2)
    pooled = table.query("benchmark == 'all'").set_index("component")
    significance = pd.read_csv(folder / "tables" / "significance.csv").query("benchmark == 'all' and test == 'crossed'")
    assert pooled.loc["experts", ["difference", "p_value"]].tolist() == pytest.approx(
        significance.iloc[0][["difference", "p_value"]].tolist()
    )
    assert pooled["p_adjusted"].tolist() == pytest.approx(list(stats.false_discovery_control(pooled["p_value"])))
    assert report(folder, folder / "report.html") == 0
    assert "<h2>Ablations</h2>" in (folder / "report.html").read_text()
    assert tables(folder, folder / "tables") == 0
    assert not list((folder / "tables").glob("ablations.*"))


@pytest.mark.parametrize(
    ("ablations", "said"),
    [
        (["experts"], "'experts': needed is COMPONENT=FULL:WITHOUT"),
        (["experts=eapo:eapo"], "two different methods"),
        (["experts=eapo:base", "experts=eapo:base"], "a component is named twice"),
        (["experts=eapo:magic"], "ablation experts=eapo:magic: 'magic' has no scores"),
    ],
)
def test_bad_ablations_are_one_line(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ablations: list[str], said: str
) -> None:
    refused(lambda: tables(results, tmp_path / "out", "--ablations", *ablations), said, capsys)
    assert not (tmp_path / "out").exists()


def test_every_table_has_three_forms_and_every_figure_two_and_a_caption(results: Path) -> None:
    for table in ("main", "significance"):
        assert "self_exploratory" in (results / "tables" / f"{table}.md").read_text()
        assert r"self\_exploratory" in (results / "tables" / f"{table}.tex").read_text()
    for figure in FIGURES:
        assert (results / "figures" / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert len((results / "figures" / f"{figure}.png").read_bytes()) > 10_000
        assert (results / "figures" / f"{figure}.rst").read_text().count("\n") == 1


def test_the_same_data_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    assert figures(results, tmp_path) == 0
    assert tables(results, tmp_path) == 0
    for made in tmp_path.iterdir():
        folder = "figures" if made.suffix in (".pdf", ".png", ".rst") else "tables"
        assert made.read_bytes() == (results / folder / made.name).read_bytes(), made.name


def test_report_answers_first_and_needs_no_other_file(results: Path) -> None:
    html = (results / "report.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    assert html.count("data:image/png;base64,") == len(FIGURES)
    answer = re.search(r'class="answer [^"]*">([^<]*)<', html)
    assert answer is not None and "EAPO minus self-exploratory RL" in answer[1] and "95% CI" in answer[1]
    assert (results / "answer.rst").read_text().startswith(f"**{unescape(answer[1])}**\n\n10 questions of 2 benchmarks")
    assert html.index("answer") < html.index("<table>") and "1,234,567" in html and "c0ffee" in html


def change_line(path: Path, edit: Callable[[dict], dict | str | None]) -> None:
    lines = path.read_text().splitlines()
    edited = edit(json.loads(lines[2]))
    lines[2:3] = [] if edited is None else [edited if isinstance(edited, str) else json.dumps(edited)]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda row: None, "question 'chains_a-0' has 3 of k = 4 samples; sample 2 is missing"),
        (lambda row: row | {"question_id": "elsewhere"}, ":3: question_id 'elsewhere' is not one of the 6 problems"),
        (lambda row: row | {"sample": 4}, ":3: sample 4: allowed are 0 to 3"),
        (lambda row: row | {"sample": 1}, ":3: question 'chains_a-0' has sample 1 twice"),
        (lambda row: row | {"sample": "2"}, ':3: sample is "2", not an integer'),
        (lambda row: row | {"sample": True}, ":3: sample is true, not an integer"),
        (lambda row: row | {"n_tokens": -1}, ":3: n_tokens -1 is not a count"),
        (lambda row: row | {"finish_reason": "abort"}, ":3: finish_reason 'abort': allowed are stop, length"),
        (lambda row: {key: row[key] for key in row if key != "response"}, ":3: field 'response' is missing"),
        (lambda row: "{broken", ":3: is not JSON"),
        (lambda row: "[" * 100_000, ":3: is not JSON"),
        (lambda row: '{"sample": ' + "9" * 5000 + "}", ":3: is not JSON"),
        (lambda row: "[1]", ":3: is a JSON list, not an object"),
    ],
)
def test_broken_samples_are_one_line_and_write_nothing(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[dict], dict | str | None],
    said: str,
) -> None:
    path = tmp_path / "chains_a.jsonl"
    shutil.copy(results / "samples" / "base" / "seed0" / "chains_a.jsonl", path)
    change_line(path, edit)
    refused(lambda: grade(results, path, tmp_path / "grades.parquet"), said, capsys)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chains_a.jsonl"]


def refused(call: Callable[[], int], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    error = capsys.readouterr().err
    assert error.startswith("analysis: ") and said in error and error.count("\n") == 1, error


def test_a_response_of_any_characters_is_stored(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "chains_a.jsonl"
    shutil.copy(results / "samples" / "base" / "seed0" / "chains_a.jsonl", path)
    change_line(path, lambda row: row | {"response": "\ud800\x00\u2028\r\n\\boxed{100}"})
    assert grade(results, path, tmp_path / "grades.parquet") == 0
    assert pd.read_parquet(tmp_path / "grades.parquet").iloc[2]["correct"]


def test_bad_arguments_and_files_are_one_line(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "samples" / "base" / "seed0" / "chains_a.jsonl"
    out = tmp_path / "out"
    refused(lambda: grade(results, path, out, k=5), "has 4 of k = 5 samples", capsys)
    refused(lambda: grade(results, tmp_path / "chains_a.jsonl", out), "chains_a.jsonl: cannot be read", capsys)
    refused(lambda: tables(results, out, k=5), "k = 5: allowed are 1 to 4", capsys)
    refused(lambda: tables(results, out, pairs=["eapo:leap"]), "'leap' has no scores", capsys)
    refused(lambda: tables(results, out, pairs=["eapo"]), "--pairs 'eapo'", capsys)
    grades = ["--grades-dir", str(results / "grades"), "--out", str(out)]
    refused(lambda: main(["scores", *grades, "--cells", "eapo:1"]), "'eapo:1': needed is method:seed:benchmark", capsys)
    refused(lambda: main(["scores", *grades, "--cells", "eapo:7:chains_a"]), "cannot be read", capsys)
    refused(lambda: main(["scores", *grades, "--cells", "eapo:1:all"]), "cannot be named 'all'", capsys)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit, match="2"):
        main(["grade", "--k", "0"])
    assert capsys.readouterr().err == "analysis: argument --k: '0': needed is a whole number of at least 1\n"


def test_incomplete_scores_are_named(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = pd.read_parquet(results / "scores.parquet")
    shutil.copytree(results / "grades", tmp_path / "grades")
    for frame, said in (
        (scores.drop(index=scores.index[-1]), "question 'chains_b-3' is missing (1 such cells)"),
        (pd.concat([scores, scores.head(1)]), "occurs twice"),
        (scores.assign(correct=K + 1), "correct = 5 of n = 4"),
        (scores.rename(columns={"correct": "right"}), "column 'correct' is missing"),
        (scores.head(0), "has no rows"),
    ):
        frame.to_parquet(tmp_path / "scores.parquet")
        refused(lambda: tables(tmp_path, tmp_path / "tables"), said, capsys)
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("shift", "seeds", "verdict", "said"),
    [
        (0.2, 3, "higher", "Yes: EAPO scored "),
        (-0.2, 3, "lower", "No, the reverse: EAPO scored "),
        (0.0, 3, "not shown", "Not shown: EAPO minus self-exploratory RL is"),
        (0.2, 1, "higher", "Yes: EAPO scored"),
        (None, 2, "undecidable", "Scores are near zero; no conclusion about methods can be drawn"),
    ],
)
def test_the_sentence_says_what_the_numbers_say(
    tmp_path: Path, shift: float | None, seeds: int, verdict: str, said: str
) -> None:
    rng = np.random.default_rng(4)
    level = rng.uniform(0.3, 0.7, 40)
    rows = []
    for method, add in (("self_exploratory", 0.0), ("eapo", shift)):
        for seed in range(seeds):
            p = np.zeros(40) if shift is None else level + add + rng.normal(0, 0.02, 40)
            rows += [
                {"method": method, "seed": seed, "benchmark": "chains_a", "question_id": str(q), "n": 1000,
                 "correct": round(1000 * p[q]), "unanswered": 0, "truncated": 300, "n_tokens_mean": 9.0,
                 "duplicate_rate": 0.0, "disagreements": 0, "n_characters_mean": 30.0}
                for q in range(40)
            ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    scores = read_scores(tmp_path / "scores.parquet")
    main_rows = [
        {"method": method, "benchmark": benchmark, "avg_at_k": scores.accuracies(method, benchmark).to_numpy().mean(),
         "n_samples": 1000, "truncated_rate": 0.3, "unanswered_rate": 0.0, "disagreement_rate": 0.0,
         "duplicate_rate": 0.0}
        for method in scores.methods for benchmark in ("chains_a", "macro", "all")
    ]  # fmt: skip
    conclusion = conclude(pd.DataFrame(main_rows), significance_table(scores, [("eapo", "self_exploratory")]))
    assert conclusion.verdict == verdict
    assert conclusion.sentence.startswith(said) and "95% CI" in conclusion.sentence
    warnings = " ".join(conclusion.warnings)
    assert "30% of the responses hit the token limit" in warnings
    assert ("One training seed of EAPO and self-exploratory RL" in warnings) == (seeds == 1)
