"""Environment variables for engines on a machine without an accelerator.

Imports no engine: what starts one in a process of its own sets these before that process imports torch.
"""

import importlib.metadata
import os
from pathlib import Path
from typing import Literal

#: Tells the CPU platform how many threads verl's rollout engine gets; the trainer has OMP_NUM_THREADS.
ROLLOUT_THREADS = "EAPO_ROLLOUT_THREADS"
#: There where NVIDIA's driver is.
NVIDIA_DEVICE = Path("/dev/nvidiactl")


def on_cpu() -> bool:
    """Whether verl and vLLM compute on the CPU: this machine has no NVIDIA device, or is told not to use it.

    It is told so by ``VERL_PLATFORM=cpu``, or by vLLM's build for CPUs, which has "cpu" in its version.
    """
    return os.environ.get("VERL_PLATFORM") == "cpu" or not NVIDIA_DEVICE.exists() or engines_of() == "cpu"


def engines_of() -> Literal["cpu", "gpu"] | None:
    """What the engines that are installed are built for; None where there are none."""
    try:
        return "cpu" if "cpu" in importlib.metadata.version("vllm") else "gpu"
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu_environment(threads: int, rollout_threads: int = 1) -> dict[str, str]:
    """The variables for an engine of ``threads`` threads.

    A second thread in vLLM's engine waits busily for the first; where other processes want the cores too, as verl's do,
    a training step then takes three times as long.
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        ROLLOUT_THREADS: str(rollout_threads),
        # TransferQueue resizes torch's thread pool at every access, and warns if it asks for more threads than cores.
        "TQ_NUM_THREADS": str(threads),
        # vLLM would pin its worker to cores of its choice, which are busy if two jobs share a machine.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        # GiB for the key-value cache, instead of half the memory.
        "VLLM_CPU_KVCACHE_SPACE": "1",
        # Allows the worker inside the engine's process (distributed_executor_backend "uni"): one process less.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        # Ray's workers beside engines that it did not start: at its default of 15 they would get what those leave.
        "RAY_worker_niceness": "0",
        # What a dashboard would show, which is not started; each of Ray's processes would send it.
        "RAY_enable_metrics_collection": "0",
        "RAY_task_events_report_interval_ms": "0",
    }
