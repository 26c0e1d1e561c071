"""``rollouts.jsonl.gz``: some rollouts word for word, so that a person can read what was asked and answered.

A line a rollout: ``step``; ``phase`` (train; discarded, generated and not trained on; validation); ``prompt``, the
problem's id; ``rollout``, its number among those of the problem in this step; ``problem``; ``hint``, what its prompt
held of an expert's solution (null: nothing); ``answer``, the gold one; ``turns``, those that end in a consultation;
``response``, the last turn, which is graded; ``correct``; ``accepted``, replies that were shown; ``reward``, its parts:
answer + bonus - cost + overlong. A turn: ``policy``, its own words; ``confidence`` where it was measured (see
:mod:`eapo_verl.method.gate`); ``let_through``, the trigger's decision; ``queries``, each with ``query``, ``fate``,
``expert``, ``reply`` as shown (null where "unavailable" was); ``step`` whose policy wrote it, where that is not the
line's own, in which it is learned from (docs/asynchronous-training.md).

Nothing in it is a time or a random name: runs of the same seed write the same lines. The agent loop puts a rollout's
into what verl hands on of it (``reward_extra_info``), for the rollouts that are kept alone: text is expensive to pass
on.
"""

import gzip
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.method.exchange import Exchange
from eapo_verl.method.objective import Parts
from eapo_verl.method.rollout import Rollout
from eapo_verl.record.files import write_whole

FILE = "rollouts.jsonl.gz"
#: The field of a training prompt that says whether its rollouts are kept, and that of a rollout's transcript.
MARK, FIELD = "transcribed", "transcript"
Fields = Mapping[str, Any]


def is_kept(mark: bool | None, step: int, last_step: int) -> bool:
    """Whether a rollout is; ``mark``: its prompt's, None in a validation, of which the last step's is kept whole."""
    return step == last_step if mark is None else mark


def transcript(rollout: Rollout, number: int, reward: Fields, prompt: Fields) -> dict[str, Any]:
    """A line as the agent loop knows it, without step, phase, bonus and cost.

    Args:
        rollout: finished.
        number: its number among the rollouts of the same problem in the step.
        reward: what the agent loop says of its reward.
        prompt: the fields of the prompt that it is a rollout of.
    """
    # The last turn, which is no consultation, has a step, too.
    turns = zip(rollout.turns, rollout.exchanges, rollout.steps[: len(rollout.turns)], strict=True)
    return {
        "prompt": str(prompt["extra_info"]["id"]),
        "rollout": number,
        "problem": prompt["extra_info"]["problem"],
        "hint": rollout.hint,
        "answer": prompt["reward_model"]["ground_truth"],
        "turns": [_turn(turn.policy, exchange, step) for turn, exchange, step in turns],
        "response": rollout.turn_text,
        "correct": bool(reward["acc"]),
        "accepted": rollout.counts["accepted"],
        "reward": {"answer": reward["score"], "overlong": reward["overlong_reward"]},
    }


def _turn(policy: str, exchange: Exchange, step: int) -> dict[str, Any]:
    confidence = exchange.confidence
    return {
        "policy": policy,
        # The digits after these depend on what else the engine did at that time; and JSON knows no infinity.
        "confidence": None if confidence is None or not math.isfinite(confidence) else round(confidence, 3),
        "let_through": exchange.let_through,
        "queries": [
            {"query": one.query, "fate": one.fate, "expert": one.expert, "reply": one.reply} for one in exchange.asked
        ],
        "step": step,
    }


class TranscriptLog:
    """Appends a gzip member a step to the file of a run.

    Args:
        path: the file. What an earlier attempt wrote of later steps, or half wrote when it was killed, is dropped.
        last_step: the step that this attempt goes on after; 0 for a run from the start.
    """

    def __init__(self, path: Path, last_step: int) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = []
        for line in _lines(path) if path.exists() else ():
            row = json.loads(line)
            # The last validation is always of this attempt.
            if row["step"] <= last_step and row["phase"] != "validation":
                kept.append(line)
        write_whole(path, _packed("".join(kept)))

    def add_step(
        self, step: int, rollouts: Sequence[Fields], parts: Sequence[Parts], discarded: Iterable[Fields]
    ) -> None:
        """Append the kept rollouts of a training step.

        Args:
            step: its number.
            rollouts: ``extra_fields`` of each rollout that is trained on.
            parts: of the reward of each, in the same order.
            discarded: ``extra_fields`` of those that are not, which earn no bonus and pay no cost.
        """
        trained = zip(_kept(rollouts), parts, strict=True)
        rows = [_row(step, "train", one, part.bonus, part.cost) for one, part in trained if one is not None]
        self._append(rows + [_row(step, "discarded", one) for one in _kept(discarded) if one is not None])

    def add_validation(self, step: int, kept: Iterable[Fields]) -> None:
        """Append the kept rollouts of a validation, :func:`transcript` of each."""
        self._append([_row(step, "validation", one) for one in kept])

    def _append(self, rows: list[dict[str, Any]]) -> None:
        # They come in the order in which they finished.
        order = sorted(rows, key=lambda row: (row["phase"] != "train", row["prompt"], row["rollout"], json.dumps(row)))
        if order:
            with self._path.open("ab") as file:
                file.write(_packed("".join(json.dumps(row) + "\n" for row in order)))


def counts(path: Path) -> dict[str, int]:
    """How many rollouts of each phase a finished run's file holds."""
    return dict(sorted(Counter(json.loads(line)["phase"] for line in _lines(path)).items()))


def _kept(rollouts: Iterable[Fields]) -> Iterator[Fields | None]:
    return (fields["reward_extra_info"].get(FIELD) for fields in rollouts)


def _row(step: int, phase: str, kept: Fields, bonus: float = 0.0, cost: float = 0.0) -> dict[str, Any]:
    reward = {"answer": kept["reward"]["answer"], "bonus": bonus, "cost": cost, "overlong": kept["reward"]["overlong"]}
    turns = [{key: value for key, value in one.items() if (key, value) != ("step", step)} for one in kept["turns"]]
    return {"step": step, "phase": phase} | dict(kept) | {"turns": turns, "reward": reward}


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode("ascii"), mtime=0)


def _lines(path: Path) -> Iterator[str]:
    """The lines that are whole; the member that a killed process wrote last may not be."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                if line.endswith("\n"):
                    yield line
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return
