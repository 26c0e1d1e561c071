"""The table of claims: what becomes of each claim of the paper in an experiment, by the row that decides it.

A pair of methods that the experiment declares is decided by its declared row: that of the significance table, else that
of the ablation table, with that table's adjustment. Any other pair that was scored is tested here, by the same crossed
test, and so is the variance; these are a family of their own for Holm's adjustment.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.intake.cells import ALL
from analysis.statistics.outcome import Array, Outcome, only_p
from analysis.statistics.paper_claims import (
    ACCURACY,
    CANNOT_TELL,
    CLAIMS,
    NOT_RUN,
    VARIANCE,
    Claim,
    overall,
    read,
)
from analysis.statistics.primary import Arms
from analysis.statistics.reported import reported_difference, reported_variance
from analysis.statistics.scores import Scores
from analysis.statistics.significance import PRIMARY, crossed_test, holm
from analysis.statistics.verdict import (
    EQUIVALENT,
    HIGHER,
    LOWER,
    NEGLIGIBLE,
    NOT_SHOWN,
    UNDECIDABLE,
    equivalence_p,
    has_room,
    verdict,
)
from analysis.tables import ABLATIONS
from analysis.tables import CLAIMS as NAME
from analysis.tables.files import framed, read_table
from analysis.tables.numbers import MISSING, p_text, points, rounded, span

#: Of claims.csv, in its order; of a pair that was not run nothing but the claim, the pair and the paper's number.
COLUMNS: dict[str, type] = {
    "claim": str,
    # The paper's, of the difference that is claimed (below); and where it states it.
    "reported": float,
    "source": str,
    # What is compared, accuracy or variance, and what the claim expects of the first method.
    "measure": str,
    "expects": str,
    "method_a": str,
    "method_b": str,
    # The table whose row decides, and whose family p_adjusted is adjusted over.
    "decided_by": str,
    # The first method minus the second, on all questions, by the crossed test.
    "difference": float,
    "ci_low": float,
    "ci_high": float,
    "p_value": float,
    "p_adjusted": float,
    "seeds_a": float,
    "seeds_b": float,
    # Of analysis.statistics.verdict, on the difference; of analysis.statistics.paper_claims, on the claim; and why.
    "verdict": str,
    "answer": str,
    "why": str,
}
_WHY = {
    HIGHER: "the first is shown to be above",
    LOWER: "the first is shown to be below",
    NEGLIGIBLE: "a difference is shown, and that it is smaller than matters",
    EQUIVALENT: "it is shown that any difference is smaller than matters",
    NOT_SHOWN: "nothing is shown",
    UNDECIDABLE: "there is no test, or no room for a difference",
}
_REVERSED = {HIGHER: LOWER, LOWER: HIGHER}


class Decided(NamedTuple):
    """A difference that was tested, and in which table."""

    by: str
    difference: float
    interval: tuple[float, float]
    p: float
    p_adjusted: float
    verdict: str

    @property
    def reversed(self) -> Decided:
        """The second method minus the first."""
        low, high = self.interval
        return self._replace(
            difference=-self.difference, interval=(-high, -low), verdict=_REVERSED.get(self.verdict, self.verdict)
        )


def claims_table(
    scores: Scores,
    significance: pd.DataFrame,
    ablations: pd.DataFrame | None,
    trained: Collection[str],
    smallest_effect: float,
    claims: Sequence[Claim] = CLAIMS,
) -> pd.DataFrame:
    """Claim x pair of methods, with :data:`COLUMNS`; a claim of which no pair was scored has one row, "not run".

    Args:
        scores: the experiment's.
        significance: its significance table.
        ablations: its ablation table; None where it declares none.
        trained: the methods that were trained: of these one seed is no method.
        smallest_effect: of interest, in accuracy.
        claims: to be decided.
    """
    declared = dict(_ablated(ablations)) | _declared(significance)
    asked = [(claim, pair) for claim in claims for pair in claim.pairs if set(pair) <= set(scores.methods)]
    own = _tested_here(
        scores, [(claim.measure, *pair) for claim, pair in asked if not _known(declared, claim, pair)], smallest_effect
    )
    rows = []
    for claim in claims:
        scored = [pair for one, pair in asked if one is claim]
        for pair in scored:
            tested = _known(declared, claim, pair) or own[claim.measure, *pair]
            seeds = [int(scores.of(method, ALL)["seed"].nunique()) for method in pair]
            single = [method for method, n in zip(pair, seeds, strict=True) if n == 1 and method in trained]
            rows.append(_row(claim, pair) | _of(claim, tested, seeds, single))
        if not scored:
            lacking = sorted(set(claim.pairs[0]) - set(scores.methods))
            rows.append(_row(claim, claim.pairs[0]) | {"answer": NOT_RUN, "why": f"no scores of {', '.join(lacking)}"})
    return framed([dict.fromkeys(COLUMNS) | row for row in rows], COLUMNS)


def read_claims(folder: Path) -> pd.DataFrame:
    """claims.csv of a folder of tables. Raises InputError."""
    return read_table(folder, NAME, COLUMNS)


def claim_rows(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, str]]:
    """Tables of claims, by experiment, as people read them: differences in points, a claim's rows below each other.

    The first row of a claim has what becomes of it by all of its rows. What was not run is left out where another row
    of the claim was. One experiment is not named.
    """
    together = pd.concat([table.assign(experiment=name) for name, table in tables.items()], ignore_index=True)
    shown = []
    for claim, group in together.groupby("claim", sort=False):
        run = group[group["answer"] != NOT_RUN]
        for number, (_, row) in enumerate((group.head(1) if run.empty else run).iterrows()):
            in_points = row["measure"] == ACCURACY
            first = {"claim": str(claim), "at this scale": overall(set(group["answer"])), "paper": _paper(row)}
            shown.append(
                {
                    **(first if number == 0 else dict.fromkeys(first, "")),
                    **({"experiment": row["experiment"] if not run.empty else MISSING} if len(tables) > 1 else {}),
                    "first − second": f"{row['method_a']} − {row['method_b']}" + ("" if in_points else ", p(1 − p)"),
                    "answer": row["answer"],
                    "difference": points(row["difference"]) if in_points else rounded(row["difference"], 4),
                    "95% CI": span(row["ci_low"], row["ci_high"], True) if in_points else _plain_span(row),
                    "p (adjusted)": MISSING if math.isnan(row["p_adjusted"]) else p_text(row["p_adjusted"]),
                    "row of": row["decided_by"] if isinstance(row["decided_by"], str) else MISSING,
                    "why": row["why"],
                }
            )
    return shown


def _paper(row: pd.Series) -> str:
    if math.isnan(row["reported"]):
        return f"{row['expects']} (no number known)"
    return points(row["reported"]) if row["measure"] == ACCURACY else rounded(row["reported"], 4)


def _plain_span(row: pd.Series) -> str:
    return MISSING if math.isnan(row["ci_low"]) else f"{rounded(row['ci_low'], 4)} to {rounded(row['ci_high'], 4)}"


def _row(claim: Claim, pair: tuple[str, str]) -> dict[str, object]:
    stated = reported_variance if claim.measure == VARIANCE else reported_difference
    return {
        "claim": claim.claim,
        "reported": stated(*claim.paper),
        "source": claim.source,
        "measure": claim.measure,
        "expects": claim.expects,
        "method_a": pair[0],
        "method_b": pair[1],
    }


def _of(claim: Claim, tested: Decided, seeds: Sequence[int], single: Sequence[str]) -> dict[str, object]:
    if single:
        answer, why = CANNOT_TELL, f"one training seed of {' and '.join(single)}"
    else:
        answer, why = read(claim.expects, tested.verdict), _WHY[tested.verdict]
    return {
        "decided_by": tested.by,
        "difference": tested.difference,
        "ci_low": tested.interval[0],
        "ci_high": tested.interval[1],
        "p_value": tested.p,
        "p_adjusted": tested.p_adjusted,
        "seeds_a": seeds[0],
        "seeds_b": seeds[1],
        "verdict": tested.verdict,
        "answer": answer,
        "why": why,
    }


def _known(declared: Mapping[tuple[str, str], Decided], claim: Claim, pair: tuple[str, str]) -> Decided | None:
    """The declared row of a pair, in whichever order it was declared; accuracies are all that is declared."""
    if claim.measure != ACCURACY:
        return None
    if pair in declared:
        return declared[pair]
    return declared[pair[::-1]].reversed if pair[::-1] in declared else None


def _declared(significance: pd.DataFrame) -> dict[tuple[str, str], Decided]:
    rows = significance[(significance["benchmark"] == ALL) & (significance["test"] == PRIMARY)]
    return {
        (row["method_a"], row["method_b"]): _read(row, "significance", str(row["verdict"]))
        for _, row in rows.iterrows()
    }


def _ablated(ablations: pd.DataFrame | None) -> Iterator[tuple[tuple[str, str], Decided]]:
    """Of the ablation table, whose rows have a p-value and no test of equivalence."""
    if ablations is None:
        return
    for _, row in ablations[ablations["benchmark"] == ALL].iterrows():
        outcome = Outcome(row["difference"], math.nan, math.nan, (row["ci_low"], row["ci_high"]), row["p_value"])
        said = verdict(outcome, row["p_adjusted"], math.nan)
        yield (row["full"], row["without"]), _read(row, ABLATIONS, said)


def _read(row: pd.Series, by: str, said: str) -> Decided:
    return Decided(by, row["difference"], (row["ci_low"], row["ci_high"]), row["p_value"], row["p_adjusted"], said)


def _tested_here(
    scores: Scores, asked: Sequence[tuple[str, str, str]], smallest_effect: float
) -> dict[tuple[str, str, str], Decided]:
    """Crossed tests of what no table declares: measure and pair, once each, adjusted together."""
    pairs = list(dict.fromkeys(asked))
    outcomes, rooms, margins = [], [], []
    for measure, a, b in pairs:
        arms = Arms.of(scores, a, b, ALL)
        if measure == ACCURACY:
            outcomes.append(arms.test()[0])
        else:
            both = (_variances(scores, a, arms.a), _variances(scores, b, arms.b))
            outcomes.append(
                only_p(math.nan) if any(np.isnan(one).any() for one in both) else crossed_test(both[0], both[1])
            )
        rooms.append(has_room(arms.a.mean(), arms.b.mean()))
        # What matters is declared in accuracy.
        margins.append(equivalence_p(outcomes[-1], smallest_effect) if measure == ACCURACY else math.nan)
    adjusted, small = holm([one.p for one in outcomes]), holm(margins)
    return {
        pair: Decided(NAME, one.difference, one.interval, one.p, p, verdict(one, p, p_small, room))
        for pair, one, p, p_small, room in zip(pairs, outcomes, adjusted, small, rooms, strict=True)
    }


def _variances(scores: Scores, method: str, accuracies: Array) -> Array:
    """p(1 - p) of each question in each seed, unbiased: [questions, seeds]; NaN where there is one sample."""
    n = scores.samples(method, ALL).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 1, accuracies * (1 - accuracies) * n / (n - 1), np.nan)
