"""verl's vLLM worker extension for CPU: named in ``rollout.engine_kwargs.vllm.worker_extension_cls``."""

from typing import Any

import torch

from eapo_verl.cpu.platform import keep_linear_weights_loadable
from eapo_verl.engine.weight_socket import RunWorkerExtension


class CPUWorkerExtension(RunWorkerExtension):
    """verl's extension, for a device whose memory is the memory that the weights arrive in."""

    def __new__(cls, **kwargs: Any) -> "CPUWorkerExtension":
        keep_linear_weights_loadable()
        return super().__new__(cls, **kwargs)

    def _update_weights(
        self, weights: list[tuple[str, torch.Tensor]], peft_config: dict | None, base_sync_done: bool
    ) -> None:
        # On CPU ``.to(device)`` is a view of the shared-memory bucket: what still points into it when the bucket is
        # closed makes the close fail, so the model gets copies.
        copies = [(name, tensor.clone()) for name, tensor in weights]
        super()._update_weights(copies, peft_config=peft_config, base_sync_done=base_sync_done)
