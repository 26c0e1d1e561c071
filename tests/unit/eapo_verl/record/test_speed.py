"""How fast a step was, and a run."""

import pytest

from eapo_verl.record.speed import speed, speed_of_run

STEP = {
    "policy_tokens": 40, "policy_prompt_tokens": 10, "policy_tokens_scored": 45, "policy_tokens_reread": 5,
    "policy_tokens_trained": 30, "policy_prompt_tokens_trained": 20, "expert_tokens": 12,
}  # fmt: skip


def test_a_step_is_held_against_the_peak_of_its_accelerators() -> None:
    told = speed(STEP, seconds=4.0, parameters=1000, peak=1e6)
    # Two FLOPs a parameter of 100 tokens that were read or written, six of 50 that were trained on.
    assert told == {
        "policy_tokens_per_s": 10.0, "expert_tokens_per_s": 3.0, "mfu": pytest.approx(1000 * (200 + 300) / 4e6)
    }  # fmt: skip


@pytest.mark.parametrize(("parameters", "peak"), [(None, 1e6), (1000, None)])
def test_what_is_not_known_is_not_made_up(parameters: int | None, peak: float | None) -> None:
    assert "mfu" not in speed(STEP, 4.0, parameters, peak)


def test_a_run_is_the_mean_of_its_steps_by_their_time_without_validation() -> None:
    first = {"step": 0, "seconds": None, "seconds_validation": 9.0, "mfu": None}
    slow = {"seconds": 40.0, "seconds_validation": 10.0, "policy_tokens": 30, "expert_tokens": 0, "mfu": 0.1}
    fast = {"seconds": 10.0, "seconds_validation": None, "policy_tokens": 90, "expert_tokens": 8, "mfu": 0.3}
    assert speed_of_run([first, slow, fast]) == {
        "policy_tokens_per_s": 3.0, "expert_tokens_per_s": 0.2, "mfu": pytest.approx(0.15), "mfu_update": None
    }  # fmt: skip
    assert set(speed_of_run([]).values()) == {None}
