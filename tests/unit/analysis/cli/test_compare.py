"""``compare``, ``plan`` and ``calibrate``: folders of ours and of lm-eval's, what is printed and written, bad input."""

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import InputError
from analysis.cli.commands import main
from analysis.intake.folders import names
from analysis.intake.lm_eval_log import read_log, task_name
from analysis.intake.samples import Grader, Reference
from analysis.intake.verification import Verifier
from analysis.statistics.significance import crossed_test
from tests import ROOT

K = 6
QUESTIONS = {f"2024-I-{number}": str(100 + number) for number in range(1, 13)}
DATE = "2026-11-24T07-26-29.023381"


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def responses(accuracy: float, rng: random.Random) -> dict[str, list[str]]:
    return {
        question: [f"step {rng.random()} \\boxed{{{answer if rng.random() < accuracy else '7'}}}" for _ in range(K)]
        for question, answer in QUESTIONS.items()
    }


def ours(folder: Path, texts: dict[str, list[str]]) -> Path:
    rows = [
        {"question_id": question, "sample": index, "response": text, "n_tokens": 9, "finish_reason": "stop"}
        for question, one in texts.items()
        for index, text in enumerate(one)
    ]
    return write_lines(folder / "aime_2024.jsonl", rows)


def log(folder: Path, texts: dict[str, list[str]]) -> Path:
    rows = [
        {"doc_id": index, "doc": {"id": question, "problem": "1+1"}, "target": QUESTIONS[question],
         "arguments": {}, "resps": [one], "filtered_resps": [one], "filter": "all", "distinct": 1.0}
        for index, (question, one) in enumerate(texts.items())
    ]  # fmt: skip
    return write_lines(folder / "org__model" / f"samples_aime_2024_{DATE}.jsonl", rows)


@pytest.fixture
def arms(tmp_path: Path) -> tuple[Path, Path]:
    """The better method in this project's layout with its data, the other one as lm-eval logs it; three seeds each."""
    rng = random.Random(3)
    write_lines(
        tmp_path / "results" / "data" / "aime_2024.jsonl",
        [{"id": question, "answer": answer} for question, answer in QUESTIONS.items()],
    )
    a, b = tmp_path / "results" / "samples" / "eapo", tmp_path / "logs" / "other"
    for seed in (1, 2, 3):
        ours(a / f"seed{seed}", responses(0.8, rng))
        log(b / f"seed{seed}", responses(0.3, rng))
    return a, b


def accuracies(folder: Path) -> np.ndarray:
    columns = []
    for seed in (1, 2, 3):
        path = next((folder / f"seed{seed}").rglob("*.jsonl"))
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        pairs = [(row["doc"]["id"], text) for row in rows if "doc" in row for text in row["resps"][0]]
        pairs += [(row["question_id"], row["response"]) for row in rows if "doc" not in row]
        right = pd.Series([f"{{{QUESTIONS[question]}}}" in text for question, text in pairs])
        columns.append(right.groupby([question for question, _ in pairs]).mean())
    return pd.concat(columns, axis=1).to_numpy()


def compare(a: Path, b: Path, out: Path, *more: str) -> int:
    return main(["compare", str(a), str(b), "--out-dir", str(out), *more])


def test_compare_prints_and_writes_what_the_samples_say(
    arms: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert compare(*arms, out) == 0
    printed = capsys.readouterr().out
    direct = crossed_test(accuracies(arms[0]), accuracies(arms[1]))
    assert f"Yes: eapo scored {100 * direct.difference:.1f} points above other" in printed
    table = pd.read_csv(out / "significance.csv").query("benchmark == 'aime_2024'").set_index("test")
    assert table.loc["crossed", "p_value"] == pytest.approx(direct.p)
    assert set(table.index) == {
        *("crossed", "bootstrap_questions", "paired_t_questions", "sign_flip_questions", "wilcoxon_questions"),
        "crossed_paired",
        *("paired_t_seeds", "permutation_seeds", "mcnemar_majority", "effect_size", "probability_of_improvement"),
        "posterior_probability",
    }
    assert table.loc["permutation_seeds", "p_smallest"] == pytest.approx(0.1)
    assert table.loc["posterior_probability", "effect"] > 0.99
    assert table.loc["posterior_probability", ["p_value", "p_adjusted", "ci_low"]].isna().all()
    scores = pd.read_csv(out / "main.csv").query("benchmark == 'aime_2024'").set_index("method")
    assert scores.loc["other", "avg_at_k"] == pytest.approx(accuracies(arms[1]).mean())
    # lm-eval logs no tokens.
    assert scores["n_tokens_mean"].isna().tolist() == [False, True]
    assert sorted(path.name for path in out.iterdir()) == [
        f"{table}.{form}" for table in ("main", "significance") for form in ("csv", "md", "tex")
    ]


def test_a_reference_answer_may_be_written_otherwise(arms: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    write_lines(path, [{"id": question, "answer": f"0{answer}"} for question, answer in QUESTIONS.items()])
    assert compare(*arms, tmp_path / "out", "--problems", str(path), "--benchmark", "aime_2024", "--k", "2") == 0


def test_one_seed_may_lie_in_the_folder_itself(arms: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert compare(arms[0] / "seed2", arms[1] / "seed3" / "org__model", out) == 0
    table = pd.read_csv(out / "significance.csv").query("benchmark == 'all'").set_index("test")
    assert (table.loc["crossed", "seeds_a"], table.loc["crossed", "seeds_b"]) == (1, 1)
    assert table.loc["crossed", "p_value"] == pytest.approx(table.loc["paired_t_questions", "p_value"])
    assert not {"crossed_paired", "paired_t_seeds", "permutation_seeds"} & set(table.index)


def test_identical_samples_differ_by_nothing(arms: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(arms[1], tmp_path / "copy")
    assert compare(arms[1], tmp_path / "copy", tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "significance.csv").set_index("test")
    assert (table["difference"] == 0).all()
    assert (table["p_value"].dropna() == 1).all() and table["p_value"].notna().any()
    assert (table.loc[["effect_size"], "effect"] == 0).all()


def edit_log(arm: Path, edit: Callable[[list[dict]], list[dict]]) -> None:
    path = next((arm / "seed2").rglob("*.jsonl"))
    write_lines(path, edit([json.loads(line) for line in path.read_text().splitlines()]))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda rows: rows[1:], "question '2024-I-1' is missing (1 such cells)"),
        (lambda rows: [rows[0] | {"resps": [rows[0]["resps"][0][1:]]}, *rows[1:]], "'2024-I-1' has 5 responses"),
        (lambda rows: rows + rows[:1], ":13: question '2024-I-1' is there twice"),
        (lambda rows: [rows[0] | {"resps": [[[-1.5, True]]]}, *rows[1:]], ":1: resps: needed is one list of texts"),
        (lambda rows: [rows[0] | {"target": "x + 1"}, *rows[1:]], ":1: answer 'x + 1' is not an integer"),
        (lambda rows: [rows[0] | {"target": "5"}, *rows[1:]], "the reference answer is 101 for eapo and 5 for other"),
        (lambda rows: [{"text": "no"}], ":1: field 'doc_id' is missing (needed are doc_id, target, resps)"),
        (lambda rows: [], "holds no sample"),
    ],
)
def test_broken_logs_are_one_line_and_write_nothing(
    arms: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[list[dict]], list[dict]],
    said: str,
) -> None:
    edit_log(arms[1], edit)
    refused(lambda: compare(*arms, tmp_path / "out"), said, capsys)
    assert not (tmp_path / "out").exists()


def refused(call: Callable[[], int], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    error = capsys.readouterr().err
    assert error.startswith("analysis: ") and said in error and error.count("\n") == 1, error


def test_folders_that_cannot_be_compared_are_one_line(
    arms: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    a, b = arms
    (tmp_path / "empty").mkdir()
    refused(lambda: compare(a, tmp_path / "none", out), "none: is not a folder", capsys)
    refused(lambda: compare(a, tmp_path / "empty", out), "holds no samples", capsys)
    refused(lambda: compare(a, a, out), "is compared with itself", capsys)
    refused(lambda: compare(a, b, out, "--benchmark", "aime_2025"), "has no samples of 'aime_2025'", capsys)
    refused(lambda: compare(a, b, out, "--k", "7"), "k = 7: allowed are 1 to 6", capsys)
    (a / "seed2" / "aime_2024.jsonl").rename(a / "seed2" / "aime_2025.jsonl")
    refused(lambda: compare(a, b, out), "eapo, seed 1: has no samples of 'aime_2025' (it has aime_2024)", capsys)
    (a / "seed2" / "aime_2025.jsonl").rename(a / "seed2" / "aime_2024.jsonl")
    first = next((b / "seed1").rglob("*.jsonl"))
    second = shutil.copy(first, first.with_name(first.name.replace("07-26", "08-26")))
    refused(lambda: compare(a, b, out), "holds aime_2024 of seed 1 too: needed is one file", capsys)
    second.unlink()
    shutil.rmtree(tmp_path / "results" / "data")
    refused(lambda: compare(a, b, out), "its answers are not known: needed is --problems", capsys)
    assert not out.exists()


def test_a_benchmark_without_answers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        log(tmp_path / name, {question: [f"{name}: I do not know"] * 2 for question in QUESTIONS})
    refused(
        lambda: compare(tmp_path / "a", tmp_path / "b", tmp_path / "out"),
        "benchmark 'aime_2024': no response holds a boxed answer",
        capsys,
    )


def test_samples_that_are_one_draw_are_pointed_out(
    arms: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alike = tmp_path / "alike"
    log(alike, {question: ["\\boxed{7}"] * K for question in QUESTIONS})
    assert compare(arms[0], alike, tmp_path / "out") == 0
    assert "alike: all samples of a question are alike" in capsys.readouterr().out


def test_a_document_logged_by_two_filters_counts_once(tmp_path: Path) -> None:
    path = log(tmp_path, responses(0.5, random.Random(1)))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    write_lines(path, [row | {"filter": name} for row in rows for name in ("all", "first")])
    samples, answers = read_log(path)
    assert len(samples) == K * len(QUESTIONS) and {name: one.answer for name, one in answers.items()} == QUESTIONS
    assert task_name(path) == "aime_2024" and task_name(Path("samples_gsm8k.jsonl")) == "gsm8k"


def test_names_are_the_ends_that_differ() -> None:
    assert names((Path("/x/eapo"), Path("/x/base"))) == ("eapo", "base")
    assert names((Path("/x/eapo/seed1"), Path("/x/base/seed1"))) == ("eapo", "base")
    assert names((Path("/x/eapo/seed1"), Path("/x/eapo/seed2"))) == ("seed1", "seed2")
    assert names((Path("/one/eapo"), Path("/two/eapo"))) == ("one/eapo", "two/eapo")


def test_verdicts_do_not_depend_on_the_number_of_workers() -> None:
    rng = random.Random(2)
    alphabet = ["{", "}", "\\boxed{", "^", "9", "9^{9^{9^9}}", "!", "\\frac", "(", "\x00", "\x1b", " ", "x", ",", "7"]
    texts = ["".join(rng.choices(alphabet, k=rng.randrange(60))) for _ in range(300)] + ["\\boxed{9" + "9" * 10**6]
    samples = pd.DataFrame(
        {"question_id": "q", "sample": range(len(texts)), "response": texts, "n_tokens": 1, "finish_reason": "stop"}
    )
    graded = []
    for workers in (1, 3):
        with Grader(workers) as grader:
            graded.append(grader.grade(samples, {"q": Reference("7", "integers")}))
    pd.testing.assert_frame_equal(*graded)


def test_a_script_needs_no_guard() -> None:
    """Processes that import the script that started them would start it again, and find nothing but wrong answers."""
    script = (
        "from analysis.intake.verification import Verifier\n"
        "with Verifier() as v:\n    print(v.verify('\\\\boxed{2/2}', '1'))"
    )
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_server_that_is_gone_is_no_verdict() -> None:
    with Verifier(deadline_s=0.2) as verifier:
        assert verifier.verify("\\boxed{1}", "1")
        assert verifier._server is not None
        verifier._server.kill()
        # Its child ends at this one's deadline, and there is nobody to say so and to start the next.
        with pytest.raises(InputError, match="the second scorer ended with status -9"):
            verifier.verify(r"\boxed{(10^{99})!}", "25")


def test_plan_prints_designs(arms: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--effect", "0.1", "--questions", "30", "--samples", "32", "--seeds", "3", "5"]) == 0
    printed = capsys.readouterr().out
    assert "A true difference of 10 points" in printed and "detectable, n = 30" in printed and "assumed" in printed
    assert "by the crossed test at 0.05.\n" in printed
    assert "| equivalence, n = 30 " in printed and "power_if_alike" not in printed
    assert main(["plan", "--comparisons", "4", "--questions", "30", "--seeds", "3"]) == 0
    printed = capsys.readouterr().out
    assert "at 0.05/4, the strictest of Holm's levels for 4 comparisons" in printed and "| power_if_alike " in printed
    refused(lambda: main(["plan", "--pair", "a:b"]), "--scores and --pair: needed are both or neither", capsys)
    rng = np.random.default_rng(1)
    rows = [
        {"method": method, "seed": seed, "benchmark": "chains_a", "question_id": str(question), "n": 8,
         "correct": int(rng.binomial(8, 0.5)), "unanswered": 0, "truncated": 0, "n_tokens_mean": 9.0,
         "duplicate_rate": 0.0, "disagreements": 0, "n_characters_mean": 9.0,
         "expert_tokens_mean": 0.0}
        for method, seeds in (("eapo", 3), ("leap", 3), ("base", 1)) for seed in range(seeds) for question in range(20)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    from_scores = ["plan", "--scores", str(tmp_path / "scores.parquet"), "--pair"]
    assert main([*from_scores, "eapo:leap"]) == 0
    printed = capsys.readouterr().out
    assert "estimated from" in printed and "From 3 and 3 training seeds, a seed's deviation of" in printed
    assert "The design is made for" not in printed
    assert main([*from_scores, "eapo:leap", "--confidence", "0.9"]) == 0
    made_for = re.search(r"is made for (\d\.\d+), which .* confidence of 0.9,", capsys.readouterr().out)
    assert made_for is not None and float(made_for[1]) > 0
    refused(lambda: main(["plan", "--confidence", "0.8"]), "--confidence: it is about what --scores", capsys)
    refused(lambda: main([*from_scores, "eapo:base"]), "needed are two of each", capsys)
    refused(lambda: main([*from_scores, "eapo:lora"]), "'lora' has no scores", capsys)


@pytest.mark.parametrize("argument", ["5", "0", "nan", "x"])
def test_an_effect_is_a_share(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["plan", "--effect", argument])
    assert capsys.readouterr().err == (
        f"analysis: argument --effect: {argument!r}: needed is a number from 0.001 to 1\n"
    )


def test_calibrate_prints_a_rate_for_every_test(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["calibrate", "--repetitions", "5", "--questions", "10", "--seeds", "2", "--samples", "4"]
    assert main([*arguments, "--seed", "1"]) == 0
    printed = capsys.readouterr().out
    for test in ("crossed", "paired_t_questions", "permutation_seeds", "posterior_probability"):
        assert f"| {test} " in printed
    for interval in ("with runs", "probability_of_improvement", "detectable"):
        assert f"| {interval} " in printed
    assert "n = 10, S = 2" in printed and "n = 10, S = 2, seed sd 0.05" in printed
    assert "| detectable difference shown, others nothing " in printed and "(at most 0.050)" in printed
    main([*arguments, "--seed", "1"])
    assert capsys.readouterr().out == printed
    main([*arguments, "--seed", "1", "--only", "intervals"])
    part = capsys.readouterr().out
    assert part in printed and "| with runs " in part and "| crossed " in part and "paired_t" not in part
