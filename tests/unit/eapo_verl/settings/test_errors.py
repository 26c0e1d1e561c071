"""What a user is told: one line, whatever the settings hold."""

from typing import Any

import pytest
from pydantic import ValidationError, model_validator

from eapo_verl.settings.base import Seed, Settings, Words
from eapo_verl.settings.errors import one_line


class Inner(Settings):
    number: int = 1


class Outer(Settings):
    seed: Seed = 0
    seeds: tuple[Seed, ...] = ()
    words: Words = "x"
    inner: Inner = Inner()
    factor: float = 1.0

    @model_validator(mode="after")
    def _made_of_another(self) -> "Outer":
        if self.words == "made":
            Inner(number="none")  # type: ignore[arg-type]
        return self


def said(value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)
    return one_line("mine.yaml", caught.value)


ITSELF: dict[str, Any] = {}
ITSELF["a"] = ITSELF


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"inner": {"number": "many"}}, 'mine.yaml: inner.number: Input should be a valid integer'),
        ({"inner": ITSELF}, "mine.yaml: inner.a: Extra inputs are not permitted (got {'a': {'a': "),
        ({"inner": {"x": {(1, 2): 3}}}, "inner.x: Extra inputs are not permitted (got {(1, 2): 3})"),
        ({"x" * 300_000: 1}, f"mine.yaml: {'x' * 50}…{'x' * 50}: Extra inputs are not permitted (got 1)"),
        ({"inner": {"number": "9" * 300_000}}, 'inner.number: '),
        ({"a\n\x1b[31mé": 1}, "mine.yaml: a \\x1b[31mé: Extra inputs"),
        ({"a\ud800": 1}, 'mine.yaml: Input should be a valid string, unable to parse raw data'),
        ({"words": "made"}, 'mine.yaml: number: Input should be a valid integer'),
        ({"words": " \n"}, "words: it is blank (got ' \\n'); needed is text"),
        ({"seed": True}, "seed is a number, got true"),
        ({"seeds": [1, True]}, "seeds.1: needed is a number, got true"),
        ({"seed": 2**31}, "seed: Input should be less than 2147483648 (got 2147483648)"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"inner": {"number": 2**53 + 1}}, "inner.number: a number of at most 9007199254740992 is allowed, got 90"),
        ({"inner": {"number": "9" * 400}}, "inner.number: a number of at most 9007199254740992 is allowed, got 99"),
        ({"factor": float("inf")}, "factor: Input should be a finite number"),
        ({"factor": 1e31}, "factor: a number of at most 1e+30 is allowed, got 1e+31"),
        ({"factor": "1e999"}, "factor: Input should be a finite number"),
    ],
)  # fmt: skip
def test_whatever_stands_there_it_is_one_short_line(value: Any, words: str) -> None:
    line = said(value)
    assert words in line and line.isprintable() and len(line) < 1200


def test_of_a_long_complaint_beginning_and_end_are_told() -> None:
    line = one_line("f", ValueError(f"'{'x' * 300_000}' is unknown; allowed are a, b"))
    assert line.startswith("f: 'xxx") and line.endswith("is unknown; allowed are a, b") and len(line) < 1010
