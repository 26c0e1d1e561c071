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
SMALLER = "That is smaller than the paper's +4.9 points."


@pytest.mark.parametrize(
    ("level", "shift", "noise", "seeds", "verdict", "said", "paper"),
    [
        (MIDDLE, 0.2, 0.02, 3, "higher", "Yes: EAPO scored ", "That is larger than the paper's +4.9 points."),
        (MIDDLE, 0.05, 0.02, 3, "higher", "Yes: EAPO scored ", "That is consistent with the paper's +4.9 points."),
        (MIDDLE, 0.2, 0.02, 1, "higher", "Yes: EAPO scored", "That is larger than the paper's +4.9 points."),
        (MIDDLE, -0.2, 0.02, 3, "lower", "No, the reverse: EAPO scored ", SMALLER),
        (MIDDLE, 0.01, 0.02, 3, "negligible", "Yes, but by less than matters: EAPO scored ", SMALLER),
        (MIDDLE, -0.01, 0.02, 3, "negligible", "No, the reverse, but by less than matters: EAPO scored ", SMALLER),
        (MIDDLE, 0.0, 0.02, 3, "equivalent",
         "No: EAPO and self-exploratory RL are equivalent: a true difference of 2 points or more, either way, is ruled",
         SMALLER),
        (MIDDLE, 0.0, 0.2, 3, "not shown", "Not shown: EAPO minus self-exploratory RL is",
         "Whether it is the paper's +4.9 points or nothing cannot be told."),
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
