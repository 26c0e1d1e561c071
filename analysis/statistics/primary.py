"""The primary test of two methods of an experiment, on one benchmark or on several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis.intake.cells import MACRO
from analysis.statistics.outcome import Array, Outcome
from analysis.statistics.scores import Scores
from analysis.statistics.significance import crossed_parts, crossed_test
from analysis.statistics.variance import Parts


class Arms(NamedTuple):
    """Accuracies [questions, seeds] of two methods on the same questions, and the questions' benchmarks for "macro"."""

    a: Array
    b: Array
    same_seeds: bool
    strata: Sequence[object] | None

    @classmethod
    def of(cls, scores: Scores, a: str, b: str, benchmark: str) -> Arms:
        """Of two methods on a benchmark, or on several: by "macro" stratified, by "all" pooled."""
        first, second = scores.accuracies(a, benchmark), scores.accuracies(b, benchmark)
        strata = list(first.index.get_level_values("benchmark")) if benchmark == MACRO else None
        return cls(first.to_numpy(), second.to_numpy(), list(first.columns) == list(second.columns), strata)

    def test(self) -> tuple[Outcome, Parts | None]:
        """The crossed test, and the parts of its variance."""
        return crossed_test(self.a, self.b, self.strata), crossed_parts(self.a, self.b, self.strata)
