"""The modes of consulting: what a rule on words says of rollouts that a person would call so."""

from pathlib import Path

import pytest

from analysis.intake.transcripts import Transcript, read_transcripts
from analysis.statistics.modes import MODES, coverage, is_clear, mode
from tests.transcripts import query, rollout, turn, write_rollouts

PROBLEM = (
    "Let $S$ be the set of positive integers below 2025 that are divisible by 3 or by 7. Find the remainder when the "
    "sum of all elements of $S$ is divided by 1000."
)
WHOLE = (
    "What is the remainder, divided by 1000, of the sum of the elements of the set of positive integers below 2025 "
    "that are divisible by 3 or 7?"
)


@pytest.fixture
def read(tmp_path: Path):
    def one(*turns: dict, problem: str = "4+7@3;1*2;9#5-8") -> Transcript:
        return next(
            read_transcripts(write_rollouts(tmp_path / "rollouts.jsonl.gz", [rollout(*turns, problem=problem)]))
        )

    return one


@pytest.mark.parametrize(
    ("problem", "queries", "expected"),
    [
        ("4+7@3;1*2;9#5-8", ["4+7@3"], "decompose"),
        ("4+7@3;1*2;9#5-8", ["4+7@3", "1*2", "9#5-8"], "decompose"),
        ("4+7@3;1*2;9#5-8", ["4+7@3;1*2;9#5-8"], "direct"),
        ("4+7@3;1*2;9#5-8", ["4+7@3;1*2;9#5-8", "1*2"], "both"),
        # The longest of three chains that there can be.
        ("4+7@3-1;1*2;9#5", ["4+7@3-1"], "decompose"),
        (PROBLEM, [WHOLE], "direct"),
        (PROBLEM, [PROBLEM.upper(), WHOLE], "direct"),
        (PROBLEM, ["How many multiples of 21 are below 2025?", "What is 3 + 6 + ... + 2022?"], "decompose"),
        (PROBLEM, [WHOLE, "How many multiples of 7 are below 2025?"], "both"),
        (PROBLEM, ["How do I do this one?"], "other"),
        # Beside a question of the problem, that says nothing.
        (PROBLEM, ["How do I do this one?", WHOLE], "direct"),
        (PROBLEM, [], "other"),
    ],
)
def test_the_mode_goes_by_what_was_asked(read, problem: str, queries: list[str], expected: str) -> None:
    # In one turn or in several, let through or not.
    together = turn(*(query(query=text) for text in queries))
    apart = [turn(query(query=text, fate="gated", reply=None), let_through=False) for text in queries] or [turn()]
    assert mode(read(together, problem=problem)) == mode(read(*apart, problem=problem)) == expected
    assert expected in MODES


def test_who_asks_nobody_resolves_it_alone(read) -> None:
    assert mode(read()) == "self_resolve" and is_clear(read())


def test_a_mode_is_unclear_where_the_limit_decides(read) -> None:
    assert is_clear(read(turn(query(query="4+7@3"))))
    # Seven of ten terms are the whole to one limit and a part to another one.
    nearly = read(turn(query(query="a1 a2 a3 a4 a5 a6 a7")), problem="1 2 3 4 5 6 7 8 9 10")
    assert mode(nearly) == "direct" and not is_clear(nearly)


def test_coverage_counts_terms_as_often_as_they_are_there() -> None:
    assert coverage("1+1+1", "1") == pytest.approx(1 / 5) and coverage("1+1", "1+1+1+1") == 1
    # Neither punctuation, nor words of grammar, nor case.
    assert coverage("The Prime, 7!", "prime") == pytest.approx(1 / 2)
    assert coverage("a, b; the", "a, b; the") == 0
