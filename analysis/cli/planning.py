"""What ``python -m analysis plan`` prints."""

from __future__ import annotations

import argparse

from analysis.intake.cells import ALL
from analysis.statistics.outcome import ALPHA
from analysis.statistics.plan import designs, measured, seeds_for
from analysis.statistics.power import Components
from analysis.statistics.scores import read_scores
from analysis.tables.numbers import MISSING, cell_text, rounded


def planned(arguments: argparse.Namespace, pair: tuple[str, str] | None) -> str:
    """The designs that the wanted effect needs, in the sizes that were measured between two methods, or assumed.

    Raises:
        InputError: the scores cannot be read, or do not tell the sizes.
    """
    sizes, source, doubt = Components(), "assumed", ""
    if pair is not None:
        scores = read_scores(arguments.scores)
        found = measured(scores, *pair, arguments.confidence)
        sizes, (low, high) = found.designed_on, found.interval
        source = f"estimated from {arguments.scores}"
        seeds = " and ".join(str(scores.of(method, ALL)["seed"].nunique()) for method in pair)
        doubt = (
            f"From {seeds} training seeds, a seed's deviation of {rounded(found.sizes.seed, 3)} is known no better "
            f"than {rounded(low, 3)} to {rounded(high, 3)} (95%), and what follows no better than that.\n"
        )
        if found.limit is not None:
            doubt += (
                f"The design is made for {rounded(found.limit, 3)}, which it stays below with a confidence of "
                f"{arguments.confidence:g}, by the degrees of freedom of one method's seeds.\n"
            )
    count = arguments.comparisons
    level, holm = f"{ALPHA:g}", ""
    if count > 1:
        level = f"{level}/{count}, the strictest of Holm's levels for {count} comparisons"
        holm = (
            "After Holm's adjustment it is found as often, or more often the more the other comparisons differ: "
            "power_if_alike, where these are of one method with others and all differ as much.\n"
        )
    asked = (sizes, arguments.effect, arguments.power, arguments.questions, arguments.samples)
    made = (designs(*asked, sorted(arguments.seeds), count), seeds_for(*asked, count))
    tables = [table.map(cell_text, decimals=3).to_markdown(index=False, disable_numparse=True) for table in made]
    return (
        f"A true difference of {100 * arguments.effect:g} points, to be found with probability "
        f"{arguments.power:g} by the crossed test at {level}.\n{holm}"
        f"Equivalence: the smallest effect of interest with which two methods that do not differ are called equivalent "
        "as often, at the same level.\n"
        f"Standard deviations: question x method {rounded(sizes.question_method, 3)}, training seed "
        f"{rounded(sizes.seed, 3)}, question x seed {rounded(sizes.question_seed, 3)}; variance within a question "
        f"{rounded(sizes.within, 3)} ({source}).\n{doubt}"
        f"One seed: a claim about two checkpoints, not about methods. {MISSING}: no number is enough.\n\n"
        + "".join(f"{table}\n\n" for table in tables)
    )
