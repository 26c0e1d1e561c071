"""Reading rollouts.jsonl.gz: what is wrong with one is one line that says where."""

from pathlib import Path
from typing import Any

import pytest

from analysis import InputError
from analysis.intake.transcripts import FILE, read_transcripts
from tests.transcripts import query, rollout, turn, write_rollouts


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in rollout().items() if key != name}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{broken", ":2: is not JSON"),
        ("[1]", ":2: is a JSON list, not an object"),
        (without("response"), ":2: field 'response' is missing: needed is text"),
        (rollout(step="1"), ':2: step is "1", not an integer'),
        (rollout(step=-1), ":2: step -1 is negative"),
        (rollout(phase="test"), ":2: phase 'test': allowed are train, discarded, validation"),
        (rollout(correct=1), ":2: correct is 1, not true or false"),
        (rollout(turns={}), ":2: turns is {}, not a list"),
        (rollout(turns=["x"]), ':2: a turn is "x", not an object'),
        (rollout(turn() | {"confidence": "high"}), ':2: confidence is "high", not a finite number'),
        (rollout(turn() | {"let_through": None}), ":2: let_through is null, not true or false"),
        (rollout(turns=[turn() | {"queries": [3]}]), ":2: a query is 3, not an object"),
        (rollout(turn(query() | {"reply": 6})), ":2: reply is 6, not text"),
        (rollout(reward={"answer": 1.0}), ":2: reward.bonus is null, not a finite number"),
        (rollout(turn() | {"confidence": 10**400}), ":2: confidence is 1000"),
        (rollout(reward={"answer": float("nan")}), ":2: reward.answer is NaN, not a finite number"),
    ],
)
def test_a_broken_line_is_refused(tmp_path: Path, row: Any, said: str) -> None:
    path = write_rollouts(tmp_path / FILE, [rollout(), row])
    with pytest.raises(InputError) as error:
        list(read_transcripts(path))
    assert str(error.value).startswith(f"{path}{said}") and "\n" not in str(error.value)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    path = write_rollouts(tmp_path / FILE, [rollout()] * 50)
    for content in (path.read_bytes()[:-9], b"{}\n", path.read_bytes()[:40] + b"\0" * 40):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not a whole gzip file"):
            list(read_transcripts(path))
    path.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(read_transcripts(path))


def test_a_rollout_is_read_as_it_was_written(tmp_path: Path) -> None:
    gated = turn(query("gated", None, ""), let_through=False, confidence=None)
    path = write_rollouts(tmp_path / FILE, [rollout(turn(query(), query("annealed", None)), gated)])
    (read,) = read_transcripts(path)
    assert read.fates == ("accepted", "annealed", "gated") and read.accepted == 1
    assert [one.let_through for one in read.turns] == [True, False]
    assert read.turns[0].queries[0].reply == "6" and read.turns[1].confidence is None
