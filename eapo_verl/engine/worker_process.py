"""What verl imports in each of its worker processes (``model.external_lib``), for its effect."""

# verl loads the platform by itself, and says nothing where that fails.
import eapo_verl.cpu.platform  # noqa: F401
from eapo_verl.cpu.environment import on_cpu
from eapo_verl.engine import banned_tag, weight_socket

weight_socket.register()
if on_cpu():
    from eapo_verl.cpu.micro_batches import few_passes
    from eapo_verl.cpu.shared_prompts import CPUEngine

    few_passes()
    banned_tag.register(CPUEngine)
else:
    banned_tag.register(banned_tag.BannedTagEngine)
