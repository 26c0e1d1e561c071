"""How often verdicts are right, and found: simulated families of comparisons whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.calibration import share
from analysis.statistics.coverage import Design
from analysis.statistics.outcome import ALPHA, Outcome
from analysis.statistics.power import Components, design_parts
from analysis.statistics.rejection import POWER, adjusted_power, detectable_difference, equivalence_margin
from analysis.statistics.reported import CONSISTENT, LARGER, SMALLER, replication, reported_difference
from analysis.statistics.significance import crossed_test, holm
from analysis.statistics.simulation import CENTRAL_WITHIN, central
from analysis.statistics.verdict import SHOWN, SMALL, equivalence_p, verdict


class Scenario(NamedTuple):
    """What is true of a family of comparisons, and a claim that its verdicts may make.

    Attributes:
        claim: in words, with what is true.
        above: of the first method over each of the others, in accuracy.
        margin: the smallest effect of interest.
        made: whether the outcomes of a family, and their verdicts, make the claim.
        said: how often they should.
        at_most: whether that is a limit.
    """

    claim: str
    above: Sequence[float]
    margin: float
    made: Callable[[Sequence[Outcome], Sequence[str]], bool]
    said: float
    at_most: bool


def claims(
    designs: Sequence[Design], samples: int, comparisons: int, smallest_effect: float, repetitions: int, seed: int
) -> pd.DataFrame:
    """Share of families in which a claim is made, beside the share in which it should be.

    A family is one method against ``comparisons`` others, all with as many runs, and adjusted by Holm's rule.

    Args:
        designs: of the families.
        samples: per question and seed.
        comparisons: in a family.
        smallest_effect: of interest, in accuracy.
        repetitions: families of each design and truth.
        seed: of the simulation.

    Returns:
        a frame with the columns questions, seeds, seed_sd, claim, said, at_most, rate, error (Monte-Carlo standard
        error of the rate).
    """
    rows = []
    for design in designs:
        sizes = Components(seed=design.seed, within=CENTRAL_WITHIN)
        for number, one in enumerate(_scenarios(design, sizes, samples, comparisons, smallest_effect)):
            rng = np.random.default_rng([seed, design.questions, design.seeds, round(1e6 * design.seed), number])
            # Around the middle, so that nothing is cut on either side.
            half = max(one.above) / 2
            shifts = [half, *(half - difference for difference in one.above)]
            made = 0
            for _ in range(repetitions):
                arms = central(rng, shifts, design.questions, design.seeds, samples, sizes)
                outcomes = [crossed_test(arms[0], other) for other in arms[1:]]
                made += one.made(outcomes, _verdicts(outcomes, one.margin))
            place = {"questions": design.questions, "seeds": design.seeds, "seed_sd": design.seed}
            said = {"claim": one.claim, "said": one.said, "at_most": one.at_most}
            rows.append({**place, **said, **share(made, repetitions)})
    return pd.DataFrame(rows)


def _scenarios(
    design: Design, sizes: Components, samples: int, comparisons: int, smallest_effect: float
) -> Iterator[Scenario]:
    parts = design_parts(sizes, design.questions, samples, design.seeds)
    effect = detectable_difference(parts, POWER, ALPHA / comparisons)
    margin = equivalence_margin(parts, POWER, ALPHA / comparisons)
    more = comparisons - 1
    paper = reported_difference("eapo", "self_exploratory")
    assert paper is not None, "the paper reports both"

    def is_shown(outcomes: Sequence[Outcome], verdicts: Sequence[str]) -> bool:
        return verdicts[0] in SHOWN and outcomes[0].difference > 0

    def is_small(_: Sequence[Outcome], verdicts: Sequence[str]) -> bool:
        return verdicts[0] in SMALL

    def any_small(_: Sequence[Outcome], verdicts: Sequence[str]) -> bool:
        return any(one in SMALL for one in verdicts)

    def stands(*words: str) -> Callable[[Sequence[Outcome], Sequence[str]], bool]:
        return lambda outcomes, verdicts: replication(paper, outcomes[0].interval, verdicts[0] in SHOWN) in words

    alone, alike = [effect, *[0.0] * more], [effect] * comparisons
    yield Scenario("detectable difference shown, others nothing", alone, smallest_effect, is_shown, POWER, False)
    if more:
        found = adjusted_power(parts, effect, effect, comparisons)
        yield Scenario("detectable difference shown, others alike", alike, smallest_effect, is_shown, found, False)
    for name, edge in (("smallest effect", smallest_effect), ("design's margin", margin)):
        at_it = [edge] * comparisons
        yield Scenario(f"any equivalence, all at the {name}", at_it, edge, any_small, ALPHA, True)
    within = [0.0, *[margin] * more]
    yield Scenario("equivalence at the design's margin, others at it", within, margin, is_small, POWER, False)
    reported = [paper] * comparisons
    wrong = stands(SMALLER, LARGER)
    yield Scenario("smaller or larger than reported, all as reported", reported, smallest_effect, wrong, ALPHA, True)
    nothing = [0.0] * comparisons
    yield Scenario(
        "consistent with reported, no difference", nothing, smallest_effect, stands(CONSISTENT), ALPHA / 2, True
    )


def _verdicts(outcomes: Sequence[Outcome], margin: float) -> list[str]:
    p_values = holm([one.p for one in outcomes])
    equivalent = holm([equivalence_p(one, margin) for one in outcomes])
    return [verdict(*one) for one in zip(outcomes, p_values, equivalent, strict=True)]
