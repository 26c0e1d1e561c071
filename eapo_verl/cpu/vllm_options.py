"""Arguments of a vLLM engine in this process, on a machine without an accelerator."""

import os
from pathlib import Path
from typing import Any

from eapo_verl.cpu.kv_cache import kv_cache_bytes

# vLLM's own default on CPU: tokens in one step of prefill.
PREFILL_TOKENS = 4096
KV_CACHE_LIMIT_BYTES = 2 * 2**30
# Three times vLLM's default on a CPU: what a step costs beside the model's arithmetic is shared by more samples.
OFFLINE_SEQUENCES = 768


def vllm_options(model: Path, max_model_len: int) -> dict[str, Any]:
    """Engine arguments for ``model``. Also sets, where the user did not, the variables that vLLM reads.

    Args:
        model: a checkpoint.
        max_model_len: prompt and response together, in tokens.
    """
    # In this process: a second interpreter would import everything again.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    # Threads stay unbound, and OMP_NUM_THREADS says how many: a bound engine would fight any other job for
    # one core.
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    return {
        "enforce_eager": True,
        "max_num_seqs": OFFLINE_SEQUENCES,
        "kv_cache_memory_bytes": kv_cache_bytes(model, max_model_len, KV_CACHE_LIMIT_BYTES, OFFLINE_SEQUENCES),
        # A prompt must be read in one step: after a part of it, vLLM sets the request's random stream back by
        # an offset, which generators on CPU do not have ("CPU Generator does not use offset").
        "enable_chunked_prefill": False,
        # In bfloat16 a prompt of which a part comes out of the cache is rounded otherwise than one that is read
        # whole, and which are depends on the order of the requests: a run that goes on after an interruption
        # would draw some samples otherwise than one without.
        "enable_prefix_caching": False,
        "max_num_batched_tokens": max(PREFILL_TOKENS, max_model_len),
    }
