"""The answer in a sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.report.conclusion import conclude
from analysis.statistics.scores import read_scores
from analysis.tables.significance import significance_table


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
                 "duplicate_rate": 0.0, "disagreements": 0, "n_characters_mean": 30.0,
                 "expert_tokens_mean": 0.0}
                for q in range(40)
            ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    scores = read_scores(tmp_path / "scores.parquet")
    main_rows = [
        {"method": method, "benchmark": benchmark, "avg_at_k": scores.accuracies(method, benchmark).to_numpy().mean(),
         "n_samples": 1000, "n_samples_most": 1000, "truncated_rate": 0.3, "unanswered_rate": 0.0,
         "disagreement_rate": 0.0, "duplicate_rate": 0.0}
        for method in scores.methods for benchmark in ("chains_a", "macro", "all")
    ]  # fmt: skip
    conclusion = conclude(pd.DataFrame(main_rows), significance_table(scores, [("eapo", "self_exploratory")]))
    assert conclusion.verdict == verdict
    assert conclusion.sentence.startswith(said) and "95% CI" in conclusion.sentence
    warnings = " ".join(conclusion.warnings)
    assert "30% of the responses hit the token limit" in warnings
    assert ("One training seed of EAPO and self-exploratory RL" in warnings) == (seeds == 1)
