"""An agent worker whose rollouts raise."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.engine  # imports verl


class Loop:
    """Stands for the agent loop: fails on every other rollout."""

    async def run(self, sampling_params: dict[str, Any], session_id: int, **kwargs: Any) -> str:
        if session_id % 2:
            raise ValueError(f"no room\nfor {session_id}")
        return "output"


def test_each_rollout_that_raises_is_kept_for_the_count_and_still_raises() -> None:
    from eapo_verl.engine.rollout_worker import RolloutWorker

    worker = object.__new__(RolloutWorker)
    worker._loops, worker._errors = {"consulting": Loop()}, []
    written = []

    async def write(output: str, validate: bool, **kwargs: Any) -> None:
        if kwargs["session_id"] == 2:
            raise OSError("queue is gone")
        written.append(kwargs["session_id"])

    worker._agent_loop_postprocess = write

    async def rollouts() -> list:
        made = [
            worker._run_agent_loop({}, {"validate": False}, agent_name="consulting", session_id=number, trace=False)
            for number in range(5)
        ]
        return await asyncio.gather(*made, return_exceptions=True)

    assert [type(one) for one in asyncio.run(rollouts())] == [type(None), ValueError, OSError, ValueError, type(None)]
    assert written == [0, 4]
    said = ["ValueError: no room for 1", "OSError: queue is gone", "ValueError: no room for 3"]
    assert sorted(worker.take_errors()) == sorted(said) and worker.take_errors() == []
