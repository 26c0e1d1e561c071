"""The tables of learning curves, from curves that can be read off."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.learning import Learned
from analysis.tables.files import write_table
from analysis.tables.learning import (
    COLUMNS,
    PAIR_COLUMNS,
    learning_pair_rows,
    learning_pairs,
    learning_rows,
    learning_table,
    read_learning,
    read_learning_pairs,
)

STEPS = [0, 4, 8]


def curves(*values: list[float], tokens: list[float] | None = None) -> Learned:
    series = [pd.Series(one, index=STEPS) for one in values]
    return Learned(series, None if tokens is None else [pd.Series(tokens, index=STEPS) for _ in series])


SLOW = curves([0.2, 0.3, 0.5], [0.2, 0.3, 0.7], tokens=[0.0, 100.0, 200.0])
FAST = curves([0.2, 0.7, 0.9], [0.2, 0.5, 0.7], tokens=[50.0, 250.0, 450.0])
LATE = curves([0.2, 0.6, 0.6], tokens=[300.0, 300.0, 300.0])
UNKNOWN = curves([0.2, 0.2, 0.3])


def pair(a: Learned, b: Learned) -> pd.Series:
    return learning_pairs({"eapo": a, "self_exploratory": b}, [("eapo", "self_exploratory")]).iloc[0]


def test_a_row_says_where_a_method_starts_ends_and_how_it_was_between() -> None:
    table = learning_table({"eapo": SLOW, "base": UNKNOWN})
    assert list(table) == list(COLUMNS)
    slow, unknown = (row for _, row in table.iterrows())
    assert (slow["n_seeds"], slow["steps"], slow["start"], slow["end"]) == pytest.approx((2, 8, 0.2, 0.6))
    assert slow["area"] == pytest.approx(np.mean([0.325, 0.375]))
    assert slow["area_low"] < 0.325 and slow["area_high"] > 0.375 and slow["end_high"] == 1.0
    assert (slow["tokens_before"], slow["tokens"]) == (0, 200)
    assert math.isnan(unknown["tokens"]) and math.isnan(unknown["end_low"])
    assert learning_rows(table)[1]["end"] == "30.0" and learning_rows(table)[1]["tokens in all"] == "–"


def test_a_pair_is_compared_on_the_way_at_equal_cost_and_by_who_gets_there() -> None:
    row = pair(FAST, SLOW)
    assert row["area_difference"] == pytest.approx(np.mean([0.625, 0.475]) - 0.35)
    assert row["area_low"] < row["area_difference"] < row["area_high"] and row["area_steps"] == 8
    # When FAST had cost 200, it was three quarters of the way to its second measurement.
    assert row["equal_tokens"] == 200
    assert row["equal_difference"] == pytest.approx((0.2 + 0.75 * 0.4) - 0.6)
    # SLOW ends at 0.6, where FAST's mean is at step 4, one of its seeds at 4 and the other at 8.
    assert (row["step_a"], row["reached_a"], row["first_a"], row["last_a"]) == (4, 2, 4, 8)
    assert (row["tokens_a"], row["tokens_in_all_b"]) == (250, 200)
    # FAST ends at 0.8, which SLOW never sees.
    assert math.isnan(row["step_b"]) and row["reached_b"] == 0 and math.isnan(row["tokens_b"])
    shown = learning_pair_rows(pd.DataFrame([row]))[0]
    assert shown["first at second’s end: step"] == "4 (2 of 2 seeds, 4 to 8)"
    assert shown["its tokens"] == "250 of 200"
    assert shown["second at first’s end: step"] == "never (0 of 2 seeds)" and shown["its tokens then"] == "–"


def test_a_seed_that_never_gets_there_leaves_no_last_step() -> None:
    row = pair(curves([0.2, 0.3, 0.9], [0.2, 0.3, 0.4]), LATE)
    assert (row["step_a"], row["reached_a"], row["first_a"]) == (8, 1, 8) and math.isnan(row["last_a"])
    assert learning_pair_rows(pd.DataFrame([row]))[0]["first at second’s end: step"] == "8 (1 of 2 seeds, from 8)"


def test_what_cost_more_before_its_first_step_has_no_equal_cost() -> None:
    row = pair(SLOW, LATE)
    assert row["equal_tokens"] == 200 and math.isnan(row["equal_difference"])
    # Dearer is not incomparable: at 300 LATE has all that it learned.
    assert pair(FAST, LATE)["equal_difference"] == pytest.approx(np.mean([0.75, 0.55]) - 0.6)
    unknown = pair(SLOW, UNKNOWN)
    assert math.isnan(unknown["equal_tokens"]) and unknown["area_difference"] == pytest.approx(0.35 - 0.225)


def test_only_pairs_with_two_curves_have_a_row_each_once(tmp_path: Path) -> None:
    both = ("eapo", "self_exploratory")
    table = learning_pairs({"eapo": FAST, "self_exploratory": SLOW}, [both, ("eapo", "base"), both])
    assert len(table) == 1 and list(table) == list(PAIR_COLUMNS)
    for name, one, read in (("learning", learning_table({}), read_learning),
                            ("learning_pairs", learning_pairs({}, [both]), read_learning_pairs)):  # fmt: skip
        write_table(tmp_path, name, one)
        assert read(tmp_path).empty and list(read(tmp_path)) == list(one)
    assert learning_rows(read_learning(tmp_path)) == []
