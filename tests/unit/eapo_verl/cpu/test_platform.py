"""The CPU platform: found by verl without being asked for, and its patches refuse what they do not know."""

import json
import subprocess
import sys

import pytest

from eapo_verl.cpu.versions import require_version

#: What a process says that has imported verl and nothing of this project.
_ASKED = """
import json, os, verl
from verl.plugin.platform import get_platform
platform = get_platform()
said = {"platform": [platform.device_name, platform.ray_resource_name()]}
os.environ |= dict(RANK="0", WORLD_SIZE="1", DIST_INIT_METHOD="tcp://127.0.0.1:0")
import torch
from verl.utils.distributed import initialize_global_process_group_ray
initialize_global_process_group_ray()
said["backend"] = torch.distributed.get_backend()
from verl.utils.fsdp_utils import CPUOffloadPolicy
said["offload"] = str(CPUOffloadPolicy(pin_memory=True))
print(json.dumps(said))
"""


@pytest.mark.engine
def test_verl_takes_it_where_there_is_no_accelerator() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has an accelerator")
    command = [sys.executable, "-W", "ignore", "-c", _ASKED]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(finished.stdout.splitlines()[-1]) == {
        "platform": ["cpu", "GPU"],
        # What verl asks for, and a reference policy offloaded without pinned memory.
        "backend": "cpu:gloo",
        "offload": "CPUOffloadPolicy(pin_memory=False)",
    }


def test_an_unknown_version_is_not_patched() -> None:
    with pytest.raises(RuntimeError, match=r"pytest .* is installed, its patches are for 0\.0"):
        require_version("pytest", ("0.0",))
