"""The circuit breaker with a fake clock, and the window of failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.experts.health import CircuitBreaker, ExpertsUnavailable, FailureWindow, unavailable_message


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(threshold=2, cooldown_s=10.0, clock=clock)
    breaker.record(False)
    assert breaker.state == "closed" and breaker.allow()
    breaker.record(False)
    return breaker


def test_a_breaker_opens_after_failures_in_a_row_alone() -> None:
    breaker = CircuitBreaker(threshold=2, cooldown_s=10.0, clock=Clock())
    for success in (False, True, False, True, False):
        breaker.record(success)
    assert breaker.state == "closed"
    breaker.record(False)
    assert breaker.state == "open" and not breaker.allow()


def test_one_probe_is_allowed_after_the_cooldown_and_success_closes() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 9.9
    assert not breaker.allow()
    clock.now = 10.0
    assert breaker.state == "half_open"
    assert [breaker.allow(), breaker.allow()] == [True, False]
    breaker.record(True)
    assert breaker.state == "closed" and breaker.allow()


def test_a_probe_that_fails_or_never_reports_keeps_the_circuit_open_for_another_cooldown() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 10.0
    assert breaker.allow()
    clock.now = 12.0
    breaker.record(False)
    clock.now = 21.9
    assert not breaker.allow()
    clock.now = 22.0
    assert breaker.allow()
    clock.now = 32.0
    assert breaker.allow()


counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted), max_size=30)


@given(counts, st.integers(1, 40), st.floats(0, 1))
def test_the_window_is_the_newest_counts_that_fill_it(steps: list[list[int]], size: int, limit: float) -> None:
    window = FailureWindow(size, limit)
    for failed, asked in steps:
        window.add(asked, failed)
    newest: list[list[int]] = []
    for step in reversed(steps):
        if sum(asked for _, asked in newest) >= size:
            break
        newest.append(step)
    asked = sum(asked for _, asked in newest)
    failed = sum(failed for failed, _ in newest)
    assert window.rate == (failed / asked if asked else 0.0)
    assert window.exceeded == (asked >= size and failed / asked > limit)


@given(counts, st.integers(1, 40))
def test_a_limit_of_one_never_ends_a_run(steps: list[list[int]], size: int) -> None:
    window = FailureWindow(size, 1.0)
    for failed, asked in steps:
        window.add(asked, failed)
        assert not window.exceeded


def test_a_window_that_is_not_full_or_has_healed_is_not_exceeded() -> None:
    window = FailureWindow(size=10, limit=0.5)
    window.add(9, 9)
    assert not window.exceeded
    window.add(1, 0)
    assert window.exceeded
    window.add(10, 5)
    assert not window.exceeded


@pytest.mark.parametrize("arguments", [(0, 0.5), (5, -0.1), (5, 1.1), (5, float("nan"))])
def test_a_window_out_of_range_is_refused(arguments: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="failure window"):
        FailureWindow(*arguments)


@pytest.mark.parametrize("step", [(1, 2), (1, -1), (-1, -1)])
def test_counts_out_of_range_are_refused(step: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot have failed"):
        FailureWindow(5, 0.5).add(*step)


def test_the_message_of_an_abort_says_why_and_what_to_do() -> None:
    window = FailureWindow(size=8, limit=0.5)
    window.add(10, 8)
    message = str(ExpertsUnavailable(unavailable_message(window, {"answered": 2, "timed_out": 1, "failed": 7})))
    assert message == (
        "experts unavailable: 80% of the last replies failed or timed out, over a window of 8 replies; the limit is "
        "50% (newest outcomes: answered 2, timed_out 1, failed 7). The last checkpoint is kept: bring the experts back "
        "and run the same command to go on, or raise failure_limit"
    )
