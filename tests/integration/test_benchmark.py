"""The benchmarks that need no experiment run, so that what they drive has not moved away from under them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.arm]

PERFORMANCE = Path(__file__).parents[2] / "performance"


def test_consultations_are_measured_beside_each_peer() -> None:
    done = subprocess.run(
        [sys.executable, PERFORMANCE / "consultation.py", "--workers", "1", "--rounds", "1"],
        cwd=PERFORMANCE.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for peer in ("verl's ToolAgentLoop", "ExpertClient alone"):
        assert f"PolicyAgentLoop over {peer}: " in done.stdout
