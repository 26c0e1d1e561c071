"""rollouts.jsonl.gz: what a line says, which rollouts have one, and what a killed and resumed run leaves of it."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from analysis.intake.transcripts import read_transcripts
from eapo_verl.experts.reply import FATES, Reply
from eapo_verl.method.exchange import Exchange
from eapo_verl.method.objective import Parts
from eapo_verl.method.rollout import Rollout
from eapo_verl.record.transcripts import FIELD, FILE, TranscriptLog, counts, is_kept, transcript
from tasks import task

REWARD = {"score": 1.0, "acc": 1.0, "overlong_reward": -0.25, "answered": 1.0, "format": 1.0}
QUERIES = ("4+7@3", "9#5-8", "1*2", "7-7", "5", "6")
REPLIES = [
    Reply("expert_a", "answered", "6"),
    Reply("expert_b", "answered", "never seen"),
    None,
    Reply("expert_a", "timed_out"),
    Reply("expert_b", "failed", detail="HTTP 500"),
    Reply("expert_a", "truncated"),
]
SHOWN = [True, False, False, True, True, True]
TEXTS = ["6", None, None, None, None, None]


def consulting(confidence: float | None = -0.123456) -> Rollout:
    rollout = Rollout([1, 2], task("integers"))
    rollout.append_policy([3], "<consult>4+7@3|9#5-8</consult>", [], {"global_steps": 0})
    rollout.count_replies(REPLIES, SHOWN, [None] * len(REPLIES))
    rollout.exchanges.append(Exchange.settled(QUERIES, REPLIES, SHOWN, TEXTS, confidence))
    rollout.append_replies([4], ("6",), trained=False)
    rollout.append_policy([3], "<consult>1*2</consult>", [], {"global_steps": 6})
    rollout.count_unasked(1)
    rollout.exchanges.append(Exchange.held_back(["1*2"], -math.inf))
    rollout.append_replies([4], (), trained=False)
    rollout.append_policy([5], "so \\boxed{626}", [], {"global_steps": 0})
    return rollout


def line(prompt: str = "chains-0", rollout: int = 0, **changes: Any) -> dict[str, Any]:
    fields = {
        "extra_info": {"id": prompt, "problem": "4+7@3"},
        "reward_model": {"ground_truth": "626"},
    }
    return transcript(consulting(**changes), rollout, REWARD, fields)


def fields(kept: dict[str, Any] | None) -> dict[str, Any]:
    return {"reward_extra_info": REWARD if kept is None else REWARD | {FIELD: kept}}


def text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_a_line_names_the_fate_of_every_query_once(tmp_path: Path) -> None:
    rollout = consulting()
    log = TranscriptLog(tmp_path / FILE, last_step=0)
    log.add_step(7, [fields(line())], [Parts(1.0, bonus=0.1, cost=0.05)], [])
    (read,) = read_transcripts(tmp_path / FILE)
    assert {fate: read.fates.count(fate) for fate in FATES} == {fate: rollout.counts[fate] for fate in FATES}
    assert set(read.fates) == set(FATES)
    first, second = read.turns
    assert first.queries[0] == ("4+7@3", "accepted", "expert_a", "6")
    # A reply that the policy was not shown is not in the file.
    assert [query.reply for query in first.queries[1:]] == [None] * 5 and "never seen" not in text(tmp_path / FILE)
    assert first.queries[2].expert == "" and first.let_through and first.confidence == -0.123
    assert not second.let_through and second.confidence is None
    # Where a turn was written in another step than the line's, the one that learns from it, it says so.
    assert [turn.get("step") for turn in json.loads(text(tmp_path / FILE))["turns"]] == [1, None]
    assert (read.step, read.phase, read.prompt, read.response) == (7, "train", "chains-0", "so \\boxed{626}")
    assert (read.correct, read.accepted, read.answer) == (True, 1, "626")
    assert read.reward == {"answer": 1.0, "bonus": 0.1, "cost": 0.05, "overlong": -0.25}


def test_without_a_measurement_there_is_no_confidence() -> None:
    assert [turn["confidence"] for turn in line(confidence=None)["turns"]] == [None, None]


@pytest.mark.parametrize(
    ("mark", "step", "kept"), [(True, 3, True), (False, 8, False), (None, 8, True), (None, 0, False)]
)
def test_which_rollouts_are_kept(mark: bool | None, step: int, kept: bool) -> None:
    assert is_kept(mark, step, last_step=8) is kept


def test_the_order_is_the_same_however_rollouts_arrive(tmp_path: Path) -> None:
    rollouts = [fields(line(prompt, number)) for prompt in ("b", "a") for number in (2, 0, 1)] + [fields(None)]
    discarded = [fields(line("0")), fields(None)]
    written = []
    for order in (rollouts, rollouts[::-1]):
        log = TranscriptLog(tmp_path / FILE, last_step=0)
        log.add_step(1, order, [Parts(1.0)] * len(order), discarded)
        written.append((tmp_path / FILE).read_bytes())
    rows = [json.loads(row) for row in gzip.decompress(written[0]).splitlines()]
    assert written[0] == written[1]
    assert [(row["phase"], row["prompt"], row["rollout"]) for row in rows] == [
        *(("train", prompt, number) for prompt in ("a", "b") for number in (0, 1, 2)),
        ("discarded", "0", 0),
    ]


def test_a_resumed_run_repeats_no_step_and_loses_none(tmp_path: Path) -> None:
    def train(log: TranscriptLog, steps: range) -> None:
        for step in steps:
            log.add_step(step, [fields(line(str(step)))], [Parts(1.0)], [])

    whole, resumed = tmp_path / "whole.jsonl.gz", tmp_path / FILE
    log = TranscriptLog(whole, last_step=0)
    train(log, range(1, 5))
    log.add_validation(4, [line("v")])

    train(TranscriptLog(resumed, last_step=0), range(1, 4))
    # Killed while step 3 was being written, whose checkpoint is not there yet.
    resumed.write_bytes(resumed.read_bytes()[:-20])
    log = TranscriptLog(resumed, last_step=2)
    train(log, range(3, 5))
    log.add_validation(4, [line("v")])
    assert text(resumed) == text(whole)
    assert counts(resumed) == {"train": 4, "validation": 1}
    # Killed between the last validation and its line in the log: it is validated again.
    TranscriptLog(resumed, last_step=4).add_validation(4, [line("v")])
    assert text(resumed) == text(whole)
    TranscriptLog(resumed, last_step=0)
    assert counts(resumed) == {}


def test_words_of_any_characters_are_one_line(tmp_path: Path) -> None:
    log = TranscriptLog(tmp_path / FILE, last_step=0)
    kept = line() | {"response": "\ud800\u2028\r\n\x1b[2J</pre>\x00"}
    log.add_validation(1, [kept])
    assert text(tmp_path / FILE).count("\n") == 1
    (read,) = read_transcripts(tmp_path / FILE)
    assert read.response.endswith("\u2028\r\n\x1b[2J</pre>\x00")
