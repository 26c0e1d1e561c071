"""What a run that stalls says, in its log and in its file of events."""

from dataclasses import replace
from pathlib import Path

from eapo_verl.record.events import Stall, append, begin, read_events, stalls
from eapo_verl.record.server_load import Load
from eapo_verl.record.waits import Standing, Wait

WAITS = {"the rollout engine": Wait(1, 3.0), "expert thinker": Wait(3, 412.4)}
STALL = Stall(
    at="2026-01-01T00:00:00+00:00",
    step=7,
    phase="generation",
    phase_s=880.0,
    since_s=900.0,
    rollouts=Standing(3, 64, WAITS),
    servers={"rollout_engine": Load(0, 0, 0.0), "experts/thinker": Load(8, 20, 0.97)},
)


def test_its_line_names_phase_rollouts_whom_they_wait_for_and_queues() -> None:
    assert STALL.line() == (
        "no step finished for 15 min; step 7 has been in generation for 15 min; 3 of 64 rollouts unfinished; "
        "waiting for expert thinker: 3, the longest for 412 s; waiting for the rollout engine: 1, the longest for 3 s; "
        "rollout_engine: 0 requests running, 0 waiting, KV cache 0%; "
        "experts/thinker: 8 requests running, 20 waiting, KV cache 97%"
    )


def test_what_is_not_known_is_said_or_left_out() -> None:
    update = replace(STALL, phase="update", rollouts=Standing(), servers={}, since_s=90.0, phase_s=60.0)
    assert update.line() == "no step finished for 90 s; step 7 has been in update for 60 s"
    assert "the rollout workers do not say where they are" in replace(update, rollouts=None).line()


def test_events_are_kept_across_restarts_and_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    begin(path)
    assert read_events(path) == []
    append(path, STALL)
    with path.open("a") as file:
        file.write('{"event": "sta')
    assert len(read_events(path)) == 1
    begin(path)
    append(path, STALL)
    first, second = read_events(path)
    assert first == second and first["event"] == "stall" and first["step"] == 7
    assert first["rollouts"]["waits"]["expert thinker"] == {"waiting": 3, "longest_s": 412.4}
    assert first["servers"]["experts/thinker"] == {"running": 8, "waiting": 20, "kv_cache": 0.97}
    assert stalls([first, first | {"since_s": 1800.0}]) == {"said": 2, "longest_s": 1800.0}
    assert stalls([]) == {"said": 0, "longest_s": 0.0}
