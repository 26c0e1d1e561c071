"""What verl imports in each of its worker processes (``model.external_lib``), for its effect."""

import os

# verl loads the platform by itself, and says nothing where that fails.
import eapo_verl.cpu.platform  # noqa: F401
from eapo_verl.cpu.environment import on_cpu
from eapo_verl.engine import banned_tag, weight_socket

weight_socket.register()
banned_tag.register()
if on_cpu():
    from eapo_verl.cpu.micro_batches import few_passes

    few_passes()
    # Registered by :mod:`eapo_verl.cpu.shared_prompts`; the platform's is verl's own, of which it is a kind.
    os.environ["VERL_ENGINE_DEVICE"] = "cpu"
