"""The answer in a sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.report.conclusion import conclude
from analysis.statistics.scores import read_scores
from analysis.tables.significance import significance_table


def made(folder: Path, level: np.ndarray, shift: float, noise: float, seeds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The main and the significance table of two methods, EAPO ``shift`` above the other, 1000 samples a question."""
    rng = np.random.default_rng(4)
    rows = []
    for method, add in (("self_exploratory", 0.0), ("eapo", shift)):
        for seed in range(seeds):
            p = (level + add + rng.normal(0, noise, 40)).clip(0, 1)
            rows += [
                {"method": method, "seed": seed, "benchmark": "chains_a", "question_id": str(q), "n": 1000,
                 "correct": round(1000 * p[q]), "unanswered": 0, "truncated": 300, "n_tokens_mean": 9.0,
                 "duplicate_rate": 0.0, "disagreements": 0, "n_characters_mean": 30.0,
                 "expert_tokens_mean": 0.0}
                for q in range(40)
            ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(folder / "scores.parquet")
    scores = read_scores(folder / "scores.parquet")
    main_rows = [
        {"method": method, "benchmark": benchmark, "avg_at_k": scores.accuracies(method, benchmark).to_numpy().mean(),
         "n_samples": 1000, "n_samples_most": 1000, "truncated_rate": 0.3, "unanswered_rate": 0.0,
         "disagreement_rate": 0.0, "duplicate_rate": 0.0}
        for method in scores.methods for benchmark in ("chains_a", "macro", "all")
    ]  # fmt: skip
    return pd.DataFrame(main_rows), significance_table(scores, [("eapo", "self_exploratory")])


MIDDLE = np.random.default_rng(4).uniform(0.3, 0.7, 40)
CONSISTENT = "That is consistent with the paper's +4.9 points, which the interval holds."
LARGER = "The difference is larger than the paper's +4.9 points: the interval lies above that."
SMALLER = "The difference is smaller than the paper's +4.9 points: the interval lies below that."


@pytest.mark.parametrize(
    ("level", "shift", "noise", "seeds", "verdict", "said", "paper"),
    [
        (MIDDLE, 0.2, 0.02, 3, "higher", "Yes: EAPO scored ", LARGER),
        (MIDDLE, 0.05, 0.02, 3, "higher", "Yes: EAPO scored ", CONSISTENT),
        (MIDDLE, 0.2, 0.02, 1, "higher", "Yes: EAPO scored", LARGER),
        (MIDDLE, -0.2, 0.02, 3, "lower", "No, the reverse: EAPO scored ",
         "That is the reverse of the paper's +4.9 points."),
        (MIDDLE, 0.01, 0.02, 3, "negligible", "Yes, but by less than matters: EAPO scored ", SMALLER),
        (MIDDLE, -0.01, 0.02, 3, "negligible", "No, the reverse, but by less than matters: EAPO scored ", SMALLER),
        (MIDDLE, 0.0, 0.02, 3, "equivalent",
         "No: EAPO and self-exploratory RL are equivalent: a true difference that matters (2 points or more, either",
         SMALLER),
        (MIDDLE, 0.0, 0.2, 3, "not shown", "Not shown: EAPO minus self-exploratory RL is",
         "Whether the difference is the paper's +4.9 points or nothing cannot be told."),
        (np.zeros(40), 0.0, 0.0, 2, "undecidable", "Scores are near zero; no conclusion about methods", ""),
        (np.ones(40), 0.0, 0.0, 2, "undecidable", "Scores are near 100%; no conclusion about methods", ""),
    ],
)  # fmt: skip
def test_the_sentence_says_what_the_numbers_say(
    tmp_path: Path, level: np.ndarray, shift: float, noise: float, seeds: int, verdict: str, said: str, paper: str
) -> None:
    conclusion = conclude(*made(tmp_path, level, shift, noise, seeds))
    assert conclusion.verdict == verdict
    assert conclusion.sentence.startswith(said) and "95% CI" in conclusion.sentence
    assert paper in conclusion.sentence and ("paper" in conclusion.sentence) == bool(paper)
    assert "mixed-effects logistic model" in conclusion.basis
    warnings = " ".join(conclusion.warnings)
    assert "30% of the responses hit the token limit" in warnings
    assert ("One training seed of EAPO and self-exploratory RL" in warnings) == (seeds == 1)
    assert "do not agree" not in warnings


def test_a_model_that_says_something_else_is_pointed_out(tmp_path: Path) -> None:
    main, significance = made(tmp_path, MIDDLE, 0.2, 0.02, 3)
    for its, agrees in ((0.19, True), (0.12, True), (0.05, False), (-0.01, False)):
        significance.loc[significance["test"] == "mixed_logistic", "difference"] = its
        assert any("do not agree" in warning for warning in conclude(main, significance).warnings) != agrees


def decided(significance: pd.DataFrame, **columns: object) -> pd.DataFrame:
    """The table with other values in the row that the sentence is made of."""
    changed = significance.copy()
    primary = (changed["test"] == "crossed") & (changed["benchmark"] == "all")
    for column, value in columns.items():
        changed.loc[primary, column] = value
    return changed


def test_a_shown_reverse_is_not_called_smaller_than_what_the_paper_reports(tmp_path: Path) -> None:
    main, significance = made(tmp_path, MIDDLE, 0.05, 0.02, 3)
    below = decided(significance, reported=-0.003, replication="smaller than reported")
    assert conclude(main, below).sentence.endswith("). That is the reverse of the paper's −0.3 points.")
    nothing = decided(below, verdict="not shown")
    assert conclude(main, nothing).sentence.endswith(
        "The difference is smaller than the paper's −0.3 points: the interval lies above that."
    )


def test_chance_among_several_comparisons_is_said_where_one_alone_would_be_shown(tmp_path: Path) -> None:
    main, significance = made(tmp_path, MIDDLE, 0.05, 0.02, 3)
    several = pd.concat([significance, significance.assign(method_b="base")], ignore_index=True)
    for p, said in (
        (0.03, "chance alone can explain where 2 comparisons are made;"),
        (0.3, "chance alone can explain;"),
    ):
        sentence = conclude(main, decided(several, verdict="not shown", p_value=p, p_adjusted=2 * p)).sentence
        assert said in sentence and "after Holm's adjustment for 2 comparisons" in sentence


def test_runs_as_pairs_stand_beside_the_verdict_and_where_they_say_otherwise_that_is_a_warning(tmp_path: Path) -> None:
    main, significance = made(tmp_path, MIDDLE, 0.05, 0.02, 3)
    paired = significance["test"] == "crossed_paired"
    for verdict, p, warned in (("higher", 0.01, ""), ("higher", 0.2, "no difference is shown; by the crossed test"),
                               ("not shown", 0.01, "a difference is shown; by the crossed test"),
                               ("not shown", 0.2, ""), ("undecidable", 0.01, "")):  # fmt: skip
        changed = decided(significance, verdict=verdict)
        changed.loc[paired, ["p_value", "p_adjusted"]] = p
        conclusion = conclude(main, changed)
        assert "with runs of the same seed as pairs, by which the verdict does not go: 95% CI" in conclusion.basis
        found = [warning for warning in conclusion.warnings if "as pairs" in warning]
        assert len(found) == bool(warned) and all(warned in warning for warning in found)
    assert "as pairs" not in conclude(main, significance[~paired]).basis


def test_a_design_without_a_test_names_none(tmp_path: Path) -> None:
    main, significance = made(tmp_path, MIDDLE, 0.05, 0.02, 1)
    untested = decided(significance, p_adjusted=float("nan"), verdict="undecidable", n_questions=1)
    conclusion = conclude(main, untested)
    assert "on 1 question of 1 benchmark (" in conclusion.basis and "Test: none." in conclusion.basis
    assert "but this design allows no test" in conclusion.sentence and "95% CI" not in conclusion.sentence
    assert not any("interval" in warning for warning in conclusion.warnings)
