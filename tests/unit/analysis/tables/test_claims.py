"""What becomes of the paper's claims, on simulated tables whose truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import InputError
from analysis.cli.claims import BEGIN, END, claims_text, write_page
from analysis.statistics.paper_claims import ABOVE, BELOW, CLAIMS, NO_GAIN, VARIANCE, Claim, overall, read
from analysis.statistics.reported import reported_difference, reported_variance
from analysis.statistics.scores import Scores
from analysis.tables.ablations import Ablation, ablations_table
from analysis.tables.claims import claim_rows, claims_table, read_claims
from analysis.tables.files import write_table
from analysis.tables.significance import significance_table

RESULTS = Path(__file__).parents[4] / "docs" / "results"
SAMPLES = 64


def experiment(chances: dict[str, tuple[float, float]], seeds: int = 4, questions: int = 40) -> Scores:
    """Methods whose questions are right with a chance around the first number, half of them above it by the second."""
    rng = np.random.default_rng(5)
    spread = np.where(np.arange(questions) % 2 == 0, 1, -1)
    rows = [
        {
            "method": method,
            "seed": seed,
            "benchmark": "chains_a",
            "question_id": f"{question:02d}",
            "n": SAMPLES,
            "correct": int(rng.binomial(SAMPLES, centre + width * spread[question])),
        }
        for method, (centre, width) in chances.items()
        for seed in range(seeds)
        for question in range(questions)
    ]
    return Scores(pd.DataFrame(rows))


def pair_claim(expects: str, *pairs: tuple[str, str], measure: str = "accuracy") -> Claim:
    return Claim(f"{expects} {measure}", expects, pairs, ("eapo", "self_exploratory"), "a table", measure)


@pytest.fixture(scope="module")
def scores() -> Scores:
    return experiment({"a": (0.5, 0.1), "b": (0.65, 0.1), "twin": (0.5, 0.1), "steady": (0.5, 0.35)})


@pytest.fixture(scope="module")
def declared(scores: Scores) -> pd.DataFrame:
    return significance_table(scores, [("a", "b"), ("a", "twin")], smallest_effect=0.05)


def answers(table: pd.DataFrame) -> list[str]:
    return table["answer"].tolist()


def test_a_claim_is_read_by_its_direction_in_whichever_order_it_was_declared(
    scores: Scores, declared: pd.DataFrame
) -> None:
    claims = [pair_claim(expects, ("b", "a"), ("a", "b"), ("a", "twin")) for expects in (ABOVE, BELOW, NO_GAIN)]
    table = claims_table(scores, declared, None, {"a", "b", "twin"}, 0.05, claims)
    assert answers(table) == [
        *("holds", "does not hold", "does not hold"),
        *("does not hold", "holds", "does not hold"),
        *("does not hold", "holds", "holds"),
    ]
    assert set(table["decided_by"]) == {"significance"}
    first, second = table.iloc[0], table.iloc[1]
    assert first["difference"] == -second["difference"] == pytest.approx(0.15, abs=0.03)
    assert (first["ci_low"], first["ci_high"]) == (-second["ci_high"], -second["ci_low"])
    assert first["p_adjusted"] == second["p_adjusted"] == declared.query("test == 'crossed'")["p_adjusted"].iloc[0]


def test_an_ablation_decides_and_what_is_not_declared_is_tested_in_a_family_of_its_own(scores: Scores) -> None:
    declared = significance_table(scores, [("a", "twin")], smallest_effect=0.05)
    ablations = ablations_table(scores, [Ablation("part", "b", "a"), Ablation("none", "twin", "a")])
    claims = [
        pair_claim(ABOVE, ("b", "a"), ("b", "twin"), ("steady", "b")),
        pair_claim(BELOW, ("steady", "a"), ("twin", "a"), measure=VARIANCE),
    ]
    table = claims_table(scores, declared, ablations, set(), 0.05, claims)
    assert table["decided_by"].tolist() == ["ablations", *["claims"] * 4]
    assert answers(table) == ["holds", "holds", "does not hold", "holds", "cannot tell"]
    assert table.loc[0, "p_adjusted"] == ablations.query("benchmark == 'all'")["p_adjusted"].iloc[0]
    # Holm over the four: the largest p as it is, the smallest four times.
    own = table.iloc[1:].sort_values("p_value")
    assert own["p_adjusted"].iloc[-1] == own["p_value"].iloc[-1]
    assert own["p_adjusted"].iloc[0] == pytest.approx(4 * own["p_value"].iloc[0])
    # The mean over questions of p(1 - p): 1/4 minus the spread's square.
    assert table.loc[3, "difference"] == pytest.approx(0.1**2 - 0.35**2, abs=0.01)


def test_what_was_not_run_or_has_one_seed_decides_nothing(scores: Scores) -> None:
    one = Scores(scores.frame[(scores.frame["method"] != "b") | (scores.frame["seed"] == 0)])
    declared = significance_table(one, [("a", "b"), ("a", "twin")])
    claims = [pair_claim(BELOW, ("a", "b"), ("nobody", "b")), pair_claim(ABOVE, ("nobody", "b"), ("a", "nothing"))]
    table = claims_table(one, declared, None, {"a", "b"}, 0.02, claims)
    assert answers(table) == ["cannot tell", "not run"]
    assert table["why"].tolist() == ["one training seed of b", "no scores of nobody"]
    # A method that was not trained has one seed, and that is all there is of it.
    assert answers(claims_table(one, declared, None, {"a"}, 0.02, claims)) == ["holds", "not run"]


def test_no_verdict_that_decides_nothing_is_read_as_one() -> None:
    for expects in (ABOVE, BELOW, NO_GAIN):
        assert {read(expects, word) for word in ("not shown", "undecidable")} == {"cannot tell"}
    assert overall(["not run", "not run"]) == "not run"
    assert overall(["not run", "cannot tell"]) == "cannot tell"
    assert overall(["holds", "cannot tell"]) == "holds"
    assert overall(["holds", "does not hold", "not run"]) == "differs by row"


def test_what_the_paper_states_goes_the_way_that_its_claim_says() -> None:
    assert len({one.claim for one in CLAIMS}) == len(CLAIMS)
    for one in CLAIMS:
        stated = (reported_variance if one.measure == VARIANCE else reported_difference)(*one.paper)
        if stated is not None:
            assert {ABOVE: stated > 0, BELOW: stated < 0, NO_GAIN: stated <= 0}[one.expects], one.claim


def test_a_page_has_the_rows_of_all_experiments(scores: Scores, declared: pd.DataFrame, tmp_path: Path) -> None:
    claims = [pair_claim(ABOVE, ("b", "a"), ("nobody", "a")), pair_claim(BELOW, ("nobody", "b"))]
    made = claims_table(scores, declared, None, set(), 0.05, claims)
    for place in (tmp_path / "one" / "tables", tmp_path / "two"):
        write_table(place, "claims", made)
    rows = claim_rows({"one": read_claims(tmp_path / "two"), "two": made})
    assert [row["at this scale"] for row in rows] == ["holds", "", "not run"]
    assert [row["experiment"] for row in rows] == ["one", "two", "–"]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    text = claims_text([tmp_path / "one" / "tables", tmp_path / "two"])
    for _ in range(2):
        write_page(page, text)
        assert page.read_text() == f"before\n{BEGIN}\n\n{text}\n{END}\nafter\n" and "| b − a " in text
    page.write_text(f"{END}{BEGIN}")
    with pytest.raises(InputError, match="has no place for the table"):
        write_page(page, text)
    with pytest.raises(InputError, match="two experiments called 'two'"):
        claims_text([tmp_path / "two", tmp_path / "two"])


def test_the_page_of_results_is_made_of_the_tables_beside_it() -> None:
    folders = [path.parent for path in sorted(RESULTS.glob("*/claims.csv"))]
    between = (RESULTS / "README.md").read_text().partition(BEGIN)[2].partition(END)[0]
    assert between.strip() == claims_text(folders).strip()
