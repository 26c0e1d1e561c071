"""The answer in a sentence, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from analysis.intake.cells import ALL, MACRO
from analysis.statistics.mixed import MIXED
from analysis.statistics.outcome import ALPHA
from analysis.statistics.reported import CANNOT_TELL, CONSISTENT, LARGER, SMALLER
from analysis.statistics.secondary import PAIRED
from analysis.statistics.verdict import EQUIVALENT, HIGHER, LOWER, NEGLIGIBLE, SHOWN, UNDECIDABLE
from analysis.tables.names import inline_name, name, row_name
from analysis.tables.numbers import p_equals, p_text, points, rounded, size, span
from analysis.tables.shown import samples_text
from analysis.tables.significance import beside, declared_comparisons, primary_comparison

# By how a difference stands to the paper's; the interval is the one that stands before it.
_PAPER = {
    CONSISTENT: "That is consistent with the paper's {theirs}, which the interval holds.",
    SMALLER: "The difference is smaller than the paper's {theirs}: the interval lies {side} that.",
    LARGER: "The difference is larger than the paper's {theirs}: the interval lies {side} that.",
    CANNOT_TELL: "Whether the difference is the paper's {theirs} or nothing cannot be told.",
}
_REVERSE = "That is the reverse of the paper's {theirs}."


@dataclass(frozen=True)
class Conclusion:
    """What the report says first.

    Attributes:
        verdict: a word of :mod:`analysis.statistics.verdict`.
        methods: the two of the primary comparison, the first minus the second.
        sentence: the answer to whether the first method of the primary comparison helped, by how much, how surely.
        basis: what the sentence rests on: questions, samples, seeds, test.
        warnings: what a reader has to know before believing it; may be empty.
    """

    verdict: str
    methods: tuple[str, str]
    sentence: str
    basis: str
    warnings: tuple[str, ...]


def conclude(main: pd.DataFrame, significance: pd.DataFrame, trained: Collection[str] | None = None) -> Conclusion:
    """Read the two tables (:mod:`analysis.tables.main`).

    It is about :func:`analysis.tables.significance.primary_comparison`, and says what that row's verdict says.

    Args:
        main: the main table.
        significance: the significance table.
        trained: the methods that were trained; of others one seed is all there is. None: not known, so all may be.

    Raises:
        InputError: the significance table has no crossed test on all questions.
    """
    rows = declared_comparisons(significance)
    row = primary_comparison(significance)
    methods = (str(row["method_a"]), str(row["method_b"]))
    model, paired = (beside(significance, row, test) for test in (MIXED, PAIRED))
    return Conclusion(
        str(row["verdict"]),
        methods,
        _sentence(row, len(rows), main),
        _basis(row, rows, main, model, paired),
        (*_warnings(row, main, trained), *_disagreement(row, model), *_otherwise_in_pairs(row, paired)),
    )


def _sentence(row: pd.Series, family: int, main: pd.DataFrame) -> str:
    a, b = inline_name(row["method_a"]), inline_name(row["method_b"])
    verdict, difference = row["verdict"], float(row["difference"])
    if math.isnan(row["p_adjusted"]):
        return (
            f"{a} minus {b} is {points(difference)} points, but this design allows no test: its uncertainty is unknown."
        )
    holm = f" after Holm's adjustment for {family} comparisons" if family > 1 else ""
    adjusted = f"; {p_text(row['p_adjusted'])}{holm}" if family > 1 else ""
    statistics = f"95% CI {points(row['ci_low'])} to {points(row['ci_high'])}, p {p_equals(row['p_value'])}{adjusted}"
    if verdict == UNDECIDABLE:
        return (
            f"Scores are near {_end_of_scale(row, main)}; no conclusion about methods can be drawn "
            f"({a} minus {b}: {points(difference)} points, {statistics})."
        )
    interest = f"a true difference that matters ({100 * row['smallest_effect']:g} points or more, either way)"
    # Its tests have 5% on one side each: the 95% interval may reach beyond what they rule out.
    surely = f"(one-sided p {p_equals(row['p_equivalence_adjusted'])}{holm})"
    if verdict in SHOWN:
        opening, word = ("Yes", "above") if difference > 0 else ("No, the reverse", "below")
        slight, limit = (", but by less than matters", f"; {interest} is ruled out {surely}")
        if verdict != NEGLIGIBLE:
            slight = limit = ""
        distance = points(abs(difference), signed=False)
        said = f"{opening}{slight}: {a} scored {distance} points {word} {b} ({statistics}){limit}."
    elif verdict == EQUIVALENT:
        said = (
            f"No: {a} and {b} are equivalent: {interest} is ruled out {surely}; the difference is {points(difference)} "
            f"points ({statistics})."
        )
    else:
        said = (
            f"Not shown: {a} minus {b} is {points(difference)} points ({statistics}), {_by_chance(row, family)}; nor "
            f"is {interest} ruled out {surely}.{_detectable(row)}"
        )
    return f"{said}{_beside_the_paper(row)}"


def _by_chance(row: pd.Series, family: int) -> str:
    """What chance can do where no difference is shown: the interval, not adjusted, may exclude 0 all the same."""
    many = f" where {family} comparisons are made" if row["p_value"] < ALPHA else ""
    return f"which chance alone can explain{many}"


def _end_of_scale(row: pd.Series, main: pd.DataFrame) -> str:
    averages = main[main["benchmark"] == ALL].set_index("method")["avg_at_k"]
    return "zero" if averages[row["method_a"]] < 0.5 else "100%"


def _beside_the_paper(row: pd.Series) -> str:
    stands = _PAPER.get(row["replication"])
    if stands is None:
        return ""
    theirs = float(row["reported"])
    if row["verdict"] in (HIGHER, LOWER) and row["difference"] * theirs < 0:
        stands = _REVERSE
    side = "below" if row["ci_high"] < theirs else "above"
    return f" {stands.format(theirs=f'{points(theirs)} points', side=side)}"


def _detectable(row: pd.Series) -> str:
    if math.isnan(row["mde"]):
        return ""
    if row["mde"] >= 1:
        return " This design is too small to show any difference."
    several = [seeds for side in "ab" if (seeds := int(row[f"seeds_{side}"])) > 1]
    source = f"from {min(several)} training seeds" if several else "from these questions"
    known = f"{source} that is known no better than {size(row['mde_low'])} to {size(row['mde_high'])}"
    return (
        f" This design finds a true difference of {size(row['mde'])} points about four times in five ({known}), "
        "a smaller one less often."
    )


def _basis(
    row: pd.Series, family: pd.DataFrame, main: pd.DataFrame, model: pd.Series | None, paired: pd.Series | None
) -> str:
    benchmarks = [benchmark for benchmark in main["benchmark"].unique() if benchmark not in (ALL, MACRO)]
    seeds = max(int(row["seeds_a"]), int(row["seeds_b"]))
    test = "questions and training seeds as crossed random effects" if seeds > 1 else "paired t over questions"
    if math.isnan(row["p_adjusted"]):
        test = "none"
    seeds_of = [f"{name(row[f'method_{side}'])} {int(row[f'seeds_{side}'])}" for side in "ab"]
    return (
        f"Accuracy, in points of 100, on {_number(int(row['n_questions']), 'question')} of "
        f"{_number(len(benchmarks), 'benchmark')} ({', '.join(map(row_name, benchmarks))}), {_samples(row, main)}; "
        f"training seeds: {', '.join(seeds_of)}. "
        f"Test: {test}.{_declared(family)}{_second_opinion(model)}{_in_pairs(paired, len(family))}"
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _samples(row: pd.Series, main: pd.DataFrame) -> str:
    """Samples of a question, of either method where they differ."""
    pooled = main[main["benchmark"] == ALL].set_index("method")
    a, b = (samples_text(pooled.loc[row[f"method_{side}"]]) for side in "ab")
    if a != b:
        return f"samples of each: {name(row['method_a'])} {a}, {name(row['method_b'])} {b}"
    return f"{a} sample{'' if a == '1' else 's'} of each"


def _declared(family: pd.DataFrame) -> str:
    if len(family) == 1:
        return ""
    pairs = [f"{name(a)} − {name(b)}" for a, b in zip(family["method_a"], family["method_b"], strict=True)]
    return (
        f" Comparisons declared before the run: {', '.join(pairs)}. What the design finds is computed at "
        f"{ALPHA:g}/{round(ALPHA / family['alpha'].iloc[0])}, the strictest of Holm's levels; how much more the "
        "adjusted test finds depends on the other comparisons."
    )


def _second_opinion(model: pd.Series | None) -> str:
    if model is None:
        return ""
    return (
        " A mixed-effects logistic model of the samples puts the difference at "
        f"{points(model['difference'])} points ({span(model['ci_low'], model['ci_high'], True)})."
    )


def _in_pairs(paired: pd.Series | None, family: int) -> str:
    if paired is None or math.isnan(paired["p_adjusted"]):
        return ""
    adjusted = f"; {p_text(paired['p_adjusted'])} after Holm's adjustment" if family > 1 else ""
    return (
        " The same test with runs of the same seed as pairs, by which the verdict does not go: 95% CI "
        f"{span(paired['ci_low'], paired['ci_high'], True)}, p {p_equals(paired['p_value'])}{adjusted}."
    )


def _otherwise_in_pairs(row: pd.Series, paired: pd.Series | None) -> list[str]:
    """A warning where runs of the same seed as pairs show a difference and the verdict does not, or the reverse."""
    if paired is None or math.isnan(paired["p_adjusted"]) or row["verdict"] == UNDECIDABLE:
        return []
    ours, its = row["verdict"] in SHOWN, paired["p_adjusted"] < ALPHA
    if ours == its:
        return []
    said, other = ("a difference is shown", "none is") if its else ("no difference is shown", "one is")
    return [
        f"With runs of the same seed as pairs {said}; by the crossed test, which takes all runs as independent and "
        f"which the verdict goes by, {other}."
    ]


def _disagreement(row: pd.Series, model: pd.Series | None) -> list[str]:
    """A warning where the model differs by more than matters, and in sign or by more than half of the larger one."""
    if model is None:
        return []
    ours, its = float(row["difference"]), float(model["difference"])
    gap = abs(ours - its)
    if gap <= row["smallest_effect"] or (ours * its > 0 and gap <= max(abs(ours), abs(its)) / 2):
        return []
    return [
        f"The crossed test and the mixed-effects logistic model do not agree: {points(ours)} and {points(its)} points. "
        "What is concluded depends on the model."
    ]


def _warnings(row: pd.Series, main: pd.DataFrame, trained: Collection[str] | None) -> list[str]:
    found = []
    both = [(str(row[f"method_{side}"]), int(row[f"seeds_{side}"])) for side in "ab"]
    single = [inline_name(method) for method, seeds in both if seeds == 1 and (trained is None or method in trained)]
    if single:
        found.append(
            f"One training seed of {' and '.join(single)}: what is said is of these checkpoints, not of the methods; "
            "another seed may well turn the difference around."
        )
    rates = main[main["benchmark"] == ALL].set_index("method")
    for column, limit, text in (
        ("truncated_rate", 0.2, "of the responses hit the token limit"),
        ("unanswered_rate", 0.2, "of the responses gave no boxed answer, and count as wrong"),
        ("disagreement_rate", 0.02, "of the verdicts differ between the two scorers"),
    ):
        high = rates[rates[column] > limit][column]
        if not high.empty:
            shares = [f"{name(str(method))}: {rounded(100 * rate, 0)}% {text}" for method, rate in high.items()]
            found.append(f"{'; '.join(shares)}.")
    # Short answers repeat by chance; one seed sent for every sample makes all of them alike.
    alike = rates[(rates["n_samples"] > 1) & (rates["duplicate_rate"] > 1 - 1.01 / rates["n_samples"])]
    if not alike.empty:
        found.append(f"{' and '.join(map(name, alike.index))}: all samples of a question are alike: they are one draw.")
    return found
