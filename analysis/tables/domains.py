"""What methods do in the domain that they were trained in, and out of it: two tables.

Written only where an experiment's problems, those for training among them, are of several domains. Within each,
questions are pooled. The comparisons are the declared ones, by the tests of the significance table; they are a family
of their own, and take nothing from that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL
from analysis.intake.samples import CONSTANT
from analysis.statistics.intervals import over_questions_and_runs
from analysis.statistics.metrics import avg_at_k
from analysis.statistics.scores import Scores
from analysis.statistics.significance import holm
from analysis.tables import DOMAIN_PAIRS, DOMAINS, significance, verdicts
from analysis.tables.family import Member, decided
from analysis.tables.files import framed, read_table
from analysis.tables.main import accuracy_interval

IN, OUT = "in domain", "out of domain"
_PLACE: dict[str, type] = {
    # IN or OUT, and the domains of its rows' questions.
    "scope": str,
    "domains": str,
}
#: Of domains.csv, in its order; accuracies lie in 0 to 1.
COLUMNS: dict[str, type] = {
    "method": str,
    **_PLACE,
    "avg_at_k": float,
    # 95%, over questions; and over questions and training runs.
    "ci_low": float,
    "ci_high": float,
    "nested_low": float,
    "nested_high": float,
    # The accuracy of one and the same answer to every question of a benchmark.
    CONSTANT: float,
    "n_benchmarks": float,
    "n_questions": float,
    "n_seeds": float,
}
#: Of domain_pairs.csv. p_adjusted is Holm's: within a test over pairs and both scopes, and where a scope holds several
#: domains, over pairs and single ones.
PAIR_COLUMNS: dict[str, type] = {
    "method_a": str,
    "method_b": str,
    **_PLACE,
    **{name: kind for name, kind in significance.COLUMNS.items() if name not in ("method_a", "method_b", "benchmark")},
}


class Domains(NamedTuple):
    """Of which domain each benchmark is, by its name, and of which the problems are that methods are trained on."""

    of: Mapping[str, str]
    trained: str

    @classmethod
    def parse(cls, texts: Sequence[str], trained: str | None) -> Domains | None:
        """Read ``benchmark=domain`` and the domain of training; None where there is neither. Raises InputError."""
        if not texts and trained is None:
            return None
        if not texts or not trained:
            raise InputError("--domains and --trained-on: needed are both or neither")
        of: dict[str, str] = {}
        for text in texts:
            benchmark, equals, domain = text.partition("=")
            if not (benchmark and equals and domain) or benchmark in of:
                raise InputError(f"--domains {text!r}: needed is BENCHMARK=DOMAIN, each benchmark once")
            of[benchmark] = domain
        return cls(of, trained)


class _Part(NamedTuple):
    """Some domains of one scope, pooled; ``level`` is what parts are of one family."""

    level: str
    scope: str
    domains: tuple[str, ...]
    scores: Scores


def _parts(scores: Scores, domains: Domains) -> list[_Part]:
    """Each scope that has benchmarks, and where one holds several domains, each of these. Raises InputError."""
    of = {}
    for benchmark in scores.benchmarks:
        if benchmark not in domains.of:
            raise InputError(f"--domains: of {benchmark!r} no domain is given")
        of[benchmark] = domains.of[benchmark]
    scopes: dict[str, list[str]] = {IN: [], OUT: []}
    for domain in dict.fromkeys(of.values()):
        scopes[IN if domain == domains.trained else OUT].append(domain)

    def part(level: str, scope: str, names: Sequence[str]) -> _Part:
        rows = scores.frame["benchmark"].map(of).isin(names)
        return _Part(level, scope, tuple(names), Scores(scores.frame[rows].reset_index(drop=True)))

    return [
        *(part("scope", scope, names) for scope, names in scopes.items() if names),
        *(part("domain", OUT, [name]) for name in scopes[OUT] if len(scopes[OUT]) > 1),
    ]


def domains_table(scores: Scores, domains: Domains) -> pd.DataFrame:
    """Scope or domain x method, with :data:`COLUMNS`. Raises InputError: a benchmark has no domain."""
    rows = []
    for part in _parts(scores, domains):
        for method in scores.methods:
            accuracies = part.scores.accuracies(method, ALL)
            interval = accuracy_interval(part.scores, method, ALL)
            nested = over_questions_and_runs([accuracies.to_numpy()])
            rows.append(
                {
                    "method": method,
                    **_place(part),
                    "avg_at_k": avg_at_k(accuracies.to_numpy()),
                    "ci_low": interval.low,
                    "ci_high": interval.high,
                    "nested_low": nested.low,
                    "nested_high": nested.high,
                    CONSTANT: float(part.scores.of(method, ALL)[CONSTANT].mean(skipna=False)),
                    "n_benchmarks": len(part.scores.benchmarks),
                    "n_questions": len(accuracies),
                    "n_seeds": accuracies.shape[1],
                }
            )
    return framed(rows, COLUMNS)


def domain_pairs(
    scores: Scores,
    domains: Domains,
    pairs: Sequence[significance.Pair],
    majority: pd.DataFrame | None,
    smallest_effect: float,
) -> pd.DataFrame:
    """Scope or domain x pair x test, with :data:`PAIR_COLUMNS`; arguments as of the significance table.

    Raises:
        InputError: a benchmark has no domain, or a pair names a method that has no scores.
    """
    tested: list[Member] = []
    for part in _parts(scores, domains):
        votes = None if majority is None else majority[majority["benchmark"].isin(part.scores.benchmarks)]
        for a, b in pairs:
            scores.require(f"pair {a}:{b}", a, b)
            for one in significance.compared(part.scores, votes, a, b, ALL):
                one.row.update(_place(part))
                tested.append(one._replace(family=(part.level, *one.family[1:])))
    rows = decided(tested, holm)
    verdicts.conclude_each(tested, smallest_effect)
    return framed(rows, PAIR_COLUMNS)


def _place(part: _Part) -> dict[str, object]:
    return {"scope": part.scope, "domains": ", ".join(part.domains)}


def read_domains(folder: Path) -> pd.DataFrame | None:
    """domains.csv of a folder of tables, None where all is of one domain. Raises InputError."""
    return read_table(folder, DOMAINS, COLUMNS) if (folder / f"{DOMAINS}.csv").exists() else None


def read_domain_pairs(folder: Path) -> pd.DataFrame | None:
    """domain_pairs.csv of a folder of tables, None where all is of one domain. Raises InputError."""
    return read_table(folder, DOMAIN_PAIRS, PAIR_COLUMNS) if (folder / f"{DOMAIN_PAIRS}.csv").exists() else None
