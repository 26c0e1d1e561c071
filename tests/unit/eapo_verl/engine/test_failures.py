"""Rollouts that raise are counted, and too many stop the run with one line."""

import pytest

from eapo_verl.engine.failures import RolloutsFailed, check_failures, describe, report_failures


def test_an_error_is_one_line() -> None:
    assert describe(ValueError("a\n  b")) == "ValueError: a b"


def test_a_few_are_borne() -> None:
    check_failures([], 128, 0.0, 3)
    check_failures(["ValueError: x"] * 6, 128, 0.05, 3)


def test_more_than_a_few_stop_the_run_and_say_why() -> None:
    errors = ["KeyError: 'y'", *["ValueError: x"] * 6]
    with pytest.raises(RolloutsFailed) as caught:
        check_failures(errors, 128, 0.05, 3)
    said = str(caught.value)
    assert "step 3: 7 of 128 rollouts failed" in said and "budget.failed_rollouts (5%)" in said
    assert "6 of them with ValueError: x" in said and "\n" not in said
    with pytest.raises(RolloutsFailed):
        check_failures(errors[:1], 128, 0.0, 3)


def test_each_kind_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    report_failures(["b", "a", "a"], "step 3")
    assert capsys.readouterr().out.splitlines() == [
        "warning: step 3: 2 rollouts failed with a",
        "warning: step 3: 1 rollouts failed with b",
    ]
