"""The table of what policies do with their experts."""

import math
from pathlib import Path

import pandas as pd
import pytest

from analysis.intake.training_log import COLUMNS, TrainingLog
from analysis.statistics.consulting import Facts
from analysis.tables.consulting import consulting_rows, consulting_table, part_rows, read_consulting
from analysis.tables.files import write_table


def log(method: str, seed: int, **columns: list[float | None]) -> TrainingLog:
    absent = dict.fromkeys(COLUMNS, [None] * 4)
    return TrainingLog(method, seed, pd.DataFrame(absent | columns, dtype=float))


def asking(seed: int, *rates: float) -> TrainingLog:
    return log(
        "eapo",
        seed,
        consult_rate=[None, *rates],
        queries=[None, 10, 10, 0],
        accepted=[None, 8, 2, 0],
        turn_budget=[None, 2, 1, 0],
        copy_rate=[None, 0.5, None, None],
    )


def kept(step: int, consulted: bool, correct: bool) -> Facts:
    how = "decompose" if consulted else "self_resolve"
    return Facts(step, "p", how, True, consulted, True if consulted else None, False, correct, float(correct), 0.0, 0.0)


def test_rates_are_those_of_the_steps_of_a_part() -> None:
    alone = log("self_exploratory", 1, consult_rate=[None, 0, 0, 0])
    rollouts = {("eapo", 1): [kept(1, True, True), kept(1, False, False), kept(3, False, True)]}
    table = consulting_table([alone, asking(1, 0.6, 0.3, 0.0), asking(2, 0.6, 0.3, 0.3)], rollouts)
    assert {*table["method"]} == {"eapo"}
    first, second = (table[table["seed"] == seed].set_index("part") for seed in (1, 2))
    assert list(first.index) == [0, 1, 2, 3]
    assert first["consult_rate"].tolist() == pytest.approx([0.3, 0.6, 0.3, 0.0])
    assert first["shown_rate"].tolist() == pytest.approx([0.5, 0.8, 0.2, math.nan], nan_ok=True)
    assert first.loc[0, "copy_rate"] == 0.5 and first["rollouts"].tolist() == [3, 2, 0, 1]
    assert first.loc[1, "worth_answer"] == 1.0 and math.isnan(first.loc[3, "worth_answer"])
    assert first.loc[0, "died_step"] == first.loc[0, "closed_step"] == 3 and first["died_step"][1:].isna().all()
    # Seed 2 has no rollouts, and asks to its end.
    assert (second["rollouts"] == 0).all() and math.isnan(second.loc[0, "died_step"])


def test_people_read_means_over_the_seeds_that_tell(tmp_path: Path) -> None:
    rollouts = {("eapo", 1): [kept(1, True, True), kept(1, False, False)]}
    write_table(
        tmp_path, "consulting", consulting_table([asking(1, 0.6, 0.3, 0.0), asking(2, 0.6, 0.3, 0.3)], rollouts)
    )
    table = read_consulting(tmp_path)
    (row,) = consulting_rows(table)
    assert (row["method"], row["seeds"], row["under 5% from step"]) == ("EAPO", "2", "3 (1 of 2 seeds)")
    assert row["no turn from step"] == "3 (2 of 2 seeds)"
    assert row["consulted"].startswith("35.0 (") and row["replies shown"] == "50.0 (50.0 to 50.0)"
    assert row["critical groups"] == "0.0" and row["needed the reply"] == "–"
    parts = part_rows(table)
    assert [one["steps"] for one in parts] == ["1", "2", "3"]
    assert (parts[0]["decompose"], parts[0]["earned by answer"], parts[1]["decompose"]) == ("50.0", "1.000", "–")
    assert consulting_rows(consulting_table([], {})) == part_rows(consulting_table([], {})) == []
