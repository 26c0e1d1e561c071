"""What wordings and temperatures change by themselves: pairs of settings that differ in one thing."""

import numpy as np
import pandas as pd
import pytest

from analysis import InputError
from analysis.report.sensitivity import alone
from analysis.statistics.scores import SCORE_COLUMNS, Scores
from analysis.statistics.significance import holm
from analysis.tables.sensitivity import Setting, sensitivity_table

WORDINGS = {"short": 0.2, "steps": 0.5, "examples": 0.55}
TEMPERATURES = {"0.2": 0.0, "0.6": 0.0, "1": -0.1}
SETTINGS = [Setting(f"{w}_{t}", w, t) for w in WORDINGS for t in TEMPERATURES]


def scores(settings: list[Setting]) -> Scores:
    """Shares of 1000 samples, so that they are nearly what they are drawn with."""
    rng = np.random.default_rng(2)
    rows = [
        dict.fromkeys(SCORE_COLUMNS, 0.0)
        | {"method": one.arm, "seed": 0, "benchmark": "sums", "question_id": f"q{place}", "n": 1000}
        | {"correct": int(rng.binomial(1000, WORDINGS[one.wording] + TEMPERATURES[one.temperature]))}
        for one in settings
        for place in range(20)
    ]
    return Scores(pd.DataFrame(rows))


def test_each_pair_of_settings_that_differ_in_one_thing_is_compared_once() -> None:
    table = sensitivity_table(scores(SETTINGS), SETTINGS)
    # Three pairs of wordings at each of three temperatures, and the other way round.
    assert table["varied"].tolist() == ["wording"] * 9 + ["temperature"] * 9
    assert not table.duplicated(["varied", "held", "a", "b"]).any() and (table["a"] != table["b"]).all()
    for varied in ("wording", "temperature"):
        rows = table[table["varied"] == varied]
        assert rows["p_adjusted"].tolist() == pytest.approx(holm(list(rows["p_value"])))
        assert rows["alpha"].tolist() == pytest.approx([0.05 / 9] * 9)
    row = table.set_index(["a", "b", "held"]).loc[("short", "examples", "0.6")]
    assert row["difference"] == pytest.approx(-0.35, abs=0.02) == row["accuracy_a"] - row["accuracy_b"]
    assert (row["method_a"], row["method_b"]) == ("short_0.6", "examples_0.6") and row["p_adjusted"] < 1e-6
    row = table.set_index(["a", "b", "held"]).loc[("0.2", "1", "steps")]
    assert row["difference"] == pytest.approx(0.1, abs=0.02) and row["ci_low"] < row["difference"] < row["ci_high"]


def test_it_is_said_what_each_changes_at_most() -> None:
    wording, temperature = alone(sensitivity_table(scores(SETTINGS), SETTINGS))
    assert wording.startswith("The wording alone moves accuracy by up to 35") and "% (short) to 5" in wording
    assert "% (examples), at temperature " in wording and "Of 9 such comparisons" in wording
    # Seven or more wordings' differences are large; of temperatures those between 1 and another, of each wording two.
    assert temperature.startswith("The temperature alone moves accuracy by up to 1") and "% (1) to " in temperature
    assert "with the wording “" in temperature and "Of 9 such comparisons 6 show a difference" in temperature
    # Of one thing alone there is one sentence.
    (only,) = alone(sensitivity_table(scores(SETTINGS[:3]), SETTINGS[:3]))
    assert only.startswith("The temperature alone")


@pytest.mark.parametrize("text", ["a", "a=", "a=short", "=short:1", "a=short:"])
def test_what_is_no_setting_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match="needed is ARM=WORDING:TEMPERATURE"):
        Setting.parse(text)


def test_settings_that_nothing_can_be_said_of_are_one_line() -> None:
    crossed = [SETTINGS[0], SETTINGS[4]]
    with pytest.raises(InputError, match="no two of them differ in the wording or the temperature alone"):
        sensitivity_table(scores(crossed), crossed)
    with pytest.raises(InputError, match=r"--settings: 'short_0\.6' has no scores"):
        sensitivity_table(scores(SETTINGS[:1]), SETTINGS[:2])
