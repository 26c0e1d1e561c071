"""What a method cost, from its runs."""

import math

import pytest

from analysis.intake.runs import COSTS, Run
from analysis.tables.costs import TRAINING, training_costs
from analysis.tables.numbers import amount, rounded


def run(method: str, costs: dict[str, float | None] | None) -> Run:
    return Run(method, 0, None, None, {}, {}, 60.0, None, None, {}, costs)


def test_a_cost_is_the_mean_over_runs_and_unknown_where_one_does_not_know_it() -> None:
    known = {name: float(index) for index, name in enumerate(COSTS, start=1)}
    runs = [run("a", known), run("a", known | {"policy_tokens_sampled": 3.0, "flops": None}), run("b", None)]
    found = training_costs("a", runs)
    assert found["train_policy_tokens"] == 2.0 and found["train_wall_s"] == 60.0
    assert found["train_expert_tokens"] == known["expert_tokens"] + known["expert_tokens_scored"]
    assert math.isnan(found["train_flops"])
    older = training_costs("b", runs)
    assert older.pop("train_wall_s") == 60.0 and all(map(math.isnan, older.values()))
    without = training_costs("c", runs)
    assert set(without) == set(TRAINING) and all(map(math.isnan, without.values()))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567.4, "1,234,567"),
        (0.0, "0"),
        (0.5, "1"),
        (1.26e18, "1.3e18"),
        (math.nan, "–"),
        (999999999.0, "999,999,999"),
    ],
)
def test_amounts_are_whole(value: float, shown: str) -> None:
    assert amount(value) == shown


def test_a_number_of_any_size_is_written() -> None:
    assert rounded(2.0**110, 4) == str(2**110) and rounded(-(2.0**110), 1) == f"−{2**110}"
