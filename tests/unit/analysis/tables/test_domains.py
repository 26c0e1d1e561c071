"""In the domain of training and out of it: the same tests on some questions, and families of their own."""

import numpy as np
import pandas as pd
import pytest

from analysis import InputError
from analysis.intake.cells import ALL
from analysis.statistics.primary import Arms
from analysis.statistics.scores import SCORE_COLUMNS, Scores
from analysis.statistics.significance import PRIMARY, holm
from analysis.tables import significance
from analysis.tables.domains import IN, OUT, Domains, domain_pairs, domains_table
from analysis.tables.significance import significance_table

OF = {"sums": "mathematics", "products": "mathematics", "programs": "code", "puzzles": "logic"}
PAIRS = [("eapo", "rl"), ("eapo", "base")]


def scores(*benchmarks: str) -> Scores:
    rng = np.random.default_rng(5)
    rows = [
        dict.fromkeys(SCORE_COLUMNS, 0.0)
        | {"method": method, "seed": seed, "benchmark": benchmark, "question_id": f"{benchmark}-{place}", "n": 4}
        | {"correct": int(rng.binomial(4, accuracy)), "constant": 0.25 * (benchmark == "puzzles")}
        for method, accuracy in (("base", 0.2), ("rl", 0.5), ("eapo", 0.7))
        for seed in range(1 if method == "base" else 2)
        for benchmark in benchmarks
        for place in range(3 + (benchmark == "puzzles"))
    ]
    return Scores(pd.DataFrame(rows))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tests beside the primary one, which take a second each."""
    monkeypatch.setattr(significance, "_tests", lambda two: iter(()))
    monkeypatch.setattr(significance, "_effects", lambda *arguments: iter(()))
    monkeypatch.setattr(significance, "mixed_logistic", lambda arms, samples, df: Arms(*arms, True, None).test()[0])


def test_scopes_and_single_domains_are_families_apart() -> None:
    whole = scores(*OF)
    made = domain_pairs(whole, Domains(OF, "mathematics"), PAIRS, None, 0.02)
    places = made[["scope", "domains", "n_questions"]].drop_duplicates().to_numpy().tolist()
    scopes, single = [[IN, "mathematics", 6], [OUT, "code, logic", 7]], [[OUT, "code", 3], [OUT, "logic", 4]]
    assert places == [*scopes, *single]
    crossed = made[made["test"] == PRIMARY].reset_index(drop=True)
    assert len(crossed) == 2 * 4
    for first, family in ((0, crossed[:4]), (4, crossed[4:])):
        assert family["p_adjusted"].tolist() == pytest.approx(holm(list(crossed["p_value"][first : first + 4])))
        assert family["alpha"].tolist() == pytest.approx([0.05 / 4] * 4)
    # As the table of the declared family says of the same questions.
    programs = significance_table(whole, PAIRS).query(f"benchmark == 'programs' and test == '{PRIMARY}'")
    mine = crossed[crossed["domains"] == "code"]
    for column in ("difference", "ci_low", "p_value", "se", "df"):
        assert mine[column].tolist() == pytest.approx(programs[column].tolist())


def test_every_method_is_scored_in_and_out_of_the_domain() -> None:
    whole = scores(*OF)
    made = domains_table(whole, Domains(OF, "mathematics")).set_index(["domains", "method"])
    assert len(made) == 4 * 3
    outside = whole.accuracies("eapo", ALL).loc[["programs", "puzzles"]]
    row = made.loc[("code, logic", "eapo")]
    assert row["avg_at_k"] == pytest.approx(outside.to_numpy().mean()) and row["ci_low"] < row["avg_at_k"]
    assert row[["n_benchmarks", "n_questions", "n_seeds"]].tolist() == [2, 7, 2]
    # A constant answer of each benchmark's own: four of these seven questions are puzzles.
    assert row["constant"] == pytest.approx(0.25 * 4 / 7)


@pytest.mark.parametrize(
    ("trained", "benchmarks", "places"),
    [
        ("code", ["programs", "sums"], [(IN, "code"), (OUT, "mathematics")]),
        # Nobody was trained in a domain of the benchmarks; and all of them are of one, but of two benchmarks.
        ("code", ["sums", "products"], [(OUT, "mathematics")]),
        ("code", ["sums", "puzzles"], [(OUT, "mathematics, logic"), (OUT, "mathematics"), (OUT, "logic")]),
    ],
)
def test_a_scope_without_benchmarks_has_no_row(
    trained: str, benchmarks: list[str], places: list[tuple[str, str]]
) -> None:
    made = domains_table(scores(*benchmarks), Domains(OF, trained))
    assert list(made[["scope", "domains"]].drop_duplicates().itertuples(index=False, name=None)) == places


@pytest.mark.parametrize(
    ("texts", "trained", "complaint"),
    [
        (["sums=mathematics"], None, "--domains and --trained-on: needed are both or neither"),
        ([], "code", "needed are both or neither"),
        (["sums"], "code", "--domains 'sums': needed is BENCHMARK=DOMAIN, each benchmark once"),
        (["sums=a", "sums=b"], "code", "--domains 'sums=b': needed is"),
    ],
)
def test_what_is_no_domain_is_one_line(texts: list[str], trained: str | None, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Domains.parse(texts, trained)
    assert Domains.parse([], None) is None


def test_a_benchmark_without_a_domain_is_one_line() -> None:
    with pytest.raises(InputError, match="--domains: of 'sums' no domain is given"):
        domains_table(scores("sums"), Domains({}, "code"))
