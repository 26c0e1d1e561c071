"""A rollout as a person reads it, whatever was written in it."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from analysis.intake.transcripts import FILE, Transcript, read_transcripts
from analysis.report.rollout_text import HEAD, TAIL, WIDTH, as_text, visible
from tests.transcripts import query, rollout, turn, write_rollouts


def read(folder: Path, row: dict[str, Any]) -> Transcript:
    (one,) = read_transcripts(write_rollouts(folder / FILE, [row]))
    return one


def test_speakers_fates_and_reward_are_named(tmp_path: Path) -> None:
    asked = turn(query(), query("annealed", None, "expert_b", "1*2"))
    gated = turn(query("gated", None, "", "9#5-8"), let_through=False, confidence=None)
    reward = {"answer": 1.0, "bonus": 0.1, "cost": 0.05, "overlong": -0.25}
    text = as_text(read(tmp_path, rollout(asked, gated, step=3, reward=reward)))
    rows = [tuple(part.strip() for part in line.split(" | ", 1)) for line in text.splitlines()]
    assert rows == [
        ("step 3, training, problem chains-0, rollout 0: right",),
        ("problem", "4+7@3;1*2;9#5-8"),
        ("policy", "<consult>4+7@3</consult>"),
        ("consultation", "2 queries, let through; confidence -0.5"),
        ("query 1", "4+7@3"),
        ("fate 1", "accepted by expert_a"),
        ("reply 1", "6"),
        ("query 2", "1*2"),
        ("fate 2", "annealed by expert_b"),
        ("reply 2", "(the policy is shown no reply)"),
        ("policy", "<consult>4+7@3</consult>"),
        ("consultation", "1 query, held back, nobody was asked"),
        ("query 1", "9#5-8"),
        ("fate 1", "gated"),
        ("reply 1", "(the policy is shown no reply)"),
        ("policy, at the end", "so \\boxed{626}"),
        ("right answer", "626"),
        ("reward", "answer +1, bonus +0.1, cost -0.05, overlong -0.25; in all +0.8"),
    ]


def test_a_hint_stands_below_the_problem(tmp_path: Path) -> None:
    lines = as_text(read(tmp_path, rollout(hint="4+7=1"))).splitlines()
    assert [line.split(" | ")[-1] for line in lines[1:3]] == ["4+7@3;1*2;9#5-8", "4+7=1"] and "hint" in lines[2]


HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u200b \r\x85\u2028\x00\ud800\U000e0041 \t</pre><script>alert(1)</script>\n"
)


def test_nothing_that_a_terminal_obeys_is_printed(tmp_path: Path) -> None:
    hostile = turn(query(HOSTILE, HOSTILE, HOSTILE, HOSTILE)) | {"policy": HOSTILE}
    row = rollout(hostile, prompt=HOSTILE, problem=HOSTILE, answer=HOSTILE, response=HOSTILE)
    text = as_text(read(tmp_path, row))
    odd = {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert odd == {"\n"}
    assert "\\u001b[2J" in text and "\\u202egnp.exe\\u200b" in text
    assert text.encode("utf-8") and max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize("unit", ["x", "x ", "\n", "\x1b"])
def test_a_huge_text_is_cut_and_says_by_how_much(tmp_path: Path, unit: str) -> None:
    size = 1_000_000 // len(unit)
    reply = unit * size + "THE END"
    text = as_text(read(tmp_path, rollout(turn(query(reply=reply)))))
    assert f"{len(reply) - HEAD - TAIL:,} characters left out" in " ".join(text.split()).replace(" | ", " ")
    assert "THE END" in text and len(text) < 60 * (HEAD + TAIL)


def test_a_text_of_just_the_limit_is_whole() -> None:
    assert visible("x" * (HEAD + TAIL)) == "x" * (HEAD + TAIL)
    assert "1 characters left out" in visible("x" * (HEAD + TAIL + 1))
