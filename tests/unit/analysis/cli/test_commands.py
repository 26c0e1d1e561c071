"""The commands of ``python -m analysis`` end to end, on generated samples: files, figures, report."""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.plots import FIGURES
from analysis.statistics.metrics import pass_at_k
from analysis.statistics.scores import read_scores
from analysis.statistics.significance import crossed_test
from analysis.tables import CONSULTING, TABLES
from tests.analysis_experiment import BENCHMARKS, PAIRS, SEEDS, K, figures, report, tables, undrawn

MAIN = (
    "method benchmark avg_at_k ci_low ci_high pass_at_k maj_at_k var_within var_between "
    "n_questions n_samples n_seeds reported"
)
SIGNIFICANCE = "method_a method_b benchmark test difference ci_low ci_high p_value p_adjusted mde"


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


def test_costs_add_up_with_the_runs_and_the_samples(results: Path) -> None:
    main_csv = pd.read_csv(results / "tables" / "main.csv").query("benchmark == 'all'").set_index("method")
    for method in SEEDS:
        row = main_csv.loc[method]
        written = [json.loads(line) for path in results.glob(f"samples/{method}/*/*.jsonl") for line in path.open()]
        assert row["n_tokens_mean"] * len(written) == pytest.approx(sum(one["n_tokens"] for one in written))
        experts = sum(one.get("expert_tokens", 0) for one in written)
        assert row["expert_tokens_mean"] * len(written) == pytest.approx(experts) and (experts > 0) == (
            method == "eapo"
        )
        runs = [json.loads(path.read_text()) for path in results.glob(f"runs/{method}/*/run.json")]
        costs = [run["costs"] for run in runs]
        sums = {
            "train_policy_tokens": sum(one["policy_tokens_sampled"] for one in costs),
            "train_trained_tokens": sum(one["policy_tokens_trained"] for one in costs),
            "train_expert_tokens": sum(one["expert_tokens"] + one["expert_tokens_scored"] for one in costs),
            "train_expert_requests": sum(one["expert_requests"] for one in costs),
            "train_flops": sum(one["flops"] for one in costs),
            "train_wall_s": sum(run["wall_s"] for run in runs),
        }
        for column, whole in sums.items():
            assert row[column] * len(runs) == pytest.approx(whole) if runs else pd.isna(row[column])
    assert main_csv["spends"].dropna().to_dict() == {"eapo": "expert_tokens, rollouts"}
    report = (results / "report.html").read_text()
    assert "<td>expert tokens, rollouts</td>" in report and "<td>5.0e12</td>" in report


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
    assert (crossed["p_equivalence_adjusted"] >= crossed["p_equivalence"]).all()
    assert {*crossed["smallest_effect"]} == {0.02} and set(crossed["verdict"]) <= {"higher", "lower", "not shown"}
    # What the paper reports of both stands beside all questions and the mean over benchmarks.
    assert crossed["reported"].tolist() == pytest.approx([0.0491, 0.2154, 0.1663])
    assert table.query("benchmark == 'chains_a'")["reported"].isna().all()
    assert table.query("test == 'mixed_logistic'")["benchmark"].tolist() == ["all"] * len(PAIRS)
    with_seeds = table.query("test == 'paired_t_seeds'")
    assert set(zip(with_seeds["method_a"], with_seeds["method_b"], strict=True)) == {("eapo", "self_exploratory")}


def test_curves_are_compared_and_consulting_is_counted(results: Path) -> None:
    pairs = pd.read_csv(results / "tables" / "learning_pairs.csv")
    # The base policy has no curve.
    assert pairs[["method_a", "method_b"]].to_numpy().tolist() == [["eapo", "self_exploratory"]]
    assert pairs.loc[0, "equal_tokens"] == 1000 and pairs.loc[0, "step_a"] == pairs.loc[0, "step_b"] == 6
    learning = pd.read_csv(results / "tables" / "learning.csv").set_index("method")
    # 150 a step, and of eapo's experts 10; the rest of what run.json says came before.
    assert learning.loc["eapo", ["tokens_before", "tokens"]].tolist() == [1100.5 - 960, 1100.5]
    consulting = pd.read_csv(results / "tables" / "consulting.csv")
    assert {*consulting["method"]} == {"eapo"} and len(consulting) == 2 * 7
    assert consulting["decompose"].tolist() == pytest.approx([1 / 6, *[1 / 3] * 3, 0, 0, 0] * 2)
    html = (results / "report.html").read_text()
    assert "<h2>What policies do with experts</h2>" in html and "6 (2 of 2 seeds, 6)" in html


ABLATIONS = ["--ablations", "experts=eapo:self_exploratory", "training=eapo:base"]
DOMAINS = ["--domains", "chains_a=mathematics", "chains_b=code", "--trained-on", "mathematics"]
SETTINGS = ["--settings", "eapo=short:0.5", "self_exploratory=long:0.5", "base=short:1"]


def test_ablations_domains_and_settings_are_tested_and_shown_where_there_are_some(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    assert {path.stem for path in (folder / "tables").iterdir()} == {*TABLES}
    assert tables(folder, folder / "tables", *ABLATIONS, *DOMAINS, *SETTINGS) == 0
    table = pd.read_csv(folder / "tables" / "ablations.csv")
    assert {"component", "without", "difference", "ci_low", "ci_high", "p_value", "p_adjusted"} <= set(table)
    assert len(table) == 2 * (len(BENCHMARKS) + 2)
    pooled = table.query("benchmark == 'all'").set_index("component")
    significance = pd.read_csv(folder / "tables" / "significance.csv").query("benchmark == 'all' and test == 'crossed'")
    assert pooled.loc["experts", ["difference", "p_value"]].tolist() == pytest.approx(
        significance.iloc[0][["difference", "p_value"]].tolist()
    )
    assert pooled["p_adjusted"].tolist() == pytest.approx(list(stats.false_discovery_control(pooled["p_value"])))
    # The paper's own difference, beside what is taken of all questions.
    assert table.query("component == 'experts'").set_index("benchmark")["reported"].dropna().to_dict() == pytest.approx(
        {"macro": 0.0491, "all": 0.0491}
    )
    monkeypatch.setattr("analysis.plots.drawing.draw", undrawn)
    assert figures(folder, folder / "figures") == 0
    assert report(folder, folder / "report.html") == 0
    page = (folder / "report.html").read_text()
    shown = page.partition("<h2>Ablations</h2>")[2].partition("<h2>Training</h2>")[0]
    assert "<td>+4.9</td>" in shown and shown.count("<img") == 1
    alone = page.partition("<h2>What wording and temperature change alone</h2>")[2].partition("<h2>Ablations</h2>")[0]
    assert "The wording alone moves" in alone and "The temperature alone moves" in alone
    assert alone.count("<td>short − long</td>") == alone.count("<td>0.5 − 1</td>") == 1
    shown = page.partition("<h2>In the domain of training, and out of it</h2>")[2].partition("<h2>What wording")[0]
    for place in ("n domain (mathematics; n = 6)", "ut of domain (code; n = 4)"):
        # A sentence on the primary comparison, three methods, three comparisons.
        assert shown.count(place) == 1 + 3 + 3
    # Nothing that was declared is tested otherwise for it.
    assert (folder / "tables/significance.csv").read_bytes() == (results / "tables/significance.csv").read_bytes()
    assert tables(folder, folder / "tables") == 0
    assert {path.stem for path in (folder / "tables").iterdir()} == {*TABLES}


def test_every_table_has_three_forms_and_every_figure_two_and_a_caption(results: Path) -> None:
    for table in TABLES:
        # Of its consulting alone is nothing to say of a method that has no experts.
        method = "eapo" if table == CONSULTING else "self_exploratory"
        assert method in (results / "tables" / f"{table}.md").read_text()
        assert method.replace("_", r"\_") in (results / "tables" / f"{table}.tex").read_text()
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
    claims = html.partition("<h2>The paper’s claims</h2>")[2].partition("<h2>Scores</h2>")[0]
    assert "<td>eapo − self_exploratory</td>" in claims and "<td>no scores of eapo_sequential</td>" in claims
    answer = re.search(r'class="answer [^"]*">([^<]*)<', html)
    assert answer is not None and "EAPO minus self-exploratory RL" in answer[1] and "95% CI" in answer[1]
    assert (
        (results / "answer.rst")
        .read_text()
        .startswith(f"**{unescape(answer[1])}**\n\nAccuracy, in points of 100, on 10 questions of 2 benchmarks")
    )
    assert html.index("answer") < html.index("<table>") and "1,234,567" in html and "c0ffee" in html
