"""The CPU platform: found by verl without being asked for, and its patches refuse what they do not know."""

import subprocess
import sys

import pytest

from eapo_verl.cpu.platform import require_version


def in_fresh_process(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.engine
def test_verl_chooses_it_where_there_is_no_accelerator() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has an accelerator")
    code = (
        "import verl; from verl.plugin.platform import get_platform\n"
        "platform = get_platform(); print(platform.device_name, platform.ray_resource_name())"
    )
    assert in_fresh_process(code) == "cpu GPU"


@pytest.mark.engine
def test_a_process_group_starts_with_the_backend_that_verl_asks_for() -> None:
    code = (
        "import os, verl, torch\n"
        "os.environ |= dict(RANK='0', WORLD_SIZE='1', DIST_INIT_METHOD='tcp://127.0.0.1:0')\n"
        "from verl.utils.distributed import initialize_global_process_group_ray as start\n"
        "start(); print(torch.distributed.get_backend())"
    )
    assert in_fresh_process(code) == "cpu:gloo"


@pytest.mark.engine
def test_verl_offloads_a_reference_policy_without_pinned_memory() -> None:
    code = "import verl; from verl.utils.fsdp_utils import CPUOffloadPolicy as Policy; print(Policy(pin_memory=True))"
    assert in_fresh_process(code) == "CPUOffloadPolicy(pin_memory=False)"


def test_an_unknown_version_is_not_patched() -> None:
    with pytest.raises(RuntimeError, match=r"pytest .* is installed, its patches are for 0\.0"):
        require_version("pytest", ("0.0",))
