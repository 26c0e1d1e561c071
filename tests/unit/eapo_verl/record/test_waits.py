"""Who is waited for, and since when."""

import pytest

from eapo_verl.record.waits import Standing, Wait, Waits, together


def test_waits_are_told_by_whom_and_the_longest_while_they_last() -> None:
    now = [0.0]
    waits = Waits(lambda: now[0])
    with waits.on("expert a"):
        now[0] = 5.0
        with waits.on("expert a"), waits.on("a grade"):
            now[0] = 7.0
            assert waits.now() == {"expert a": Wait(2, 7.0), "a grade": Wait(1, 2.0)}
        assert waits.now() == {"expert a": Wait(1, 7.0)}
    assert waits.now() == {}


def test_a_wait_that_raises_is_over() -> None:
    waits = Waits()
    with pytest.raises(KeyError), waits.on("expert a"):
        raise KeyError
    assert waits.now() == {}


def test_several_processes_are_told_together() -> None:
    one = Standing(3, 8, {"expert a": Wait(3, 4.0)})
    other = Standing(1, 8, {"expert a": Wait(1, 9.0), "the teacher": Wait(1, 1.0)})
    assert together([one, other]) == Standing(4, 16, {"expert a": Wait(4, 9.0), "the teacher": Wait(1, 1.0)})
    assert together([]) == Standing()
