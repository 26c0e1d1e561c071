"""Memory of one accelerator, by role, and the smallest placement that fits. GB are 10^9 bytes.

None of it is measured here. Bytes of a number: weights and their gradients in float32 with two moments of Adam, 16 a
parameter (verl's FSDP with ``model_dtype`` fp32), 2 in an engine (bfloat16). Activations are checkpointed: of each
layer its input, 2 bytes a number, and one layer at work, of about 34 bytes a token and width (Korthikanti et al.
2022, arXiv 2205.05198, eq. 2, without the term of attention, which flash attention does not keep). Logits take about
7 bytes a token and entry of the vocabulary where the entropy is computed, too (verl's performance guide).
"""

from typing import NamedTuple

from workflow.capacity.shapes import Shape

_GB = 1e9
_STATE, _BFLOAT16, _LOGITS, _AT_WORK = 16, 2, 7, 34
#: Bytes of a weight that an engine makes smaller, scales included, by vLLM's names; with others as without.
_QUANTIZED = {"fp8": 1.0, "bitsandbytes": 0.6, "awq": 0.6, "awq_marlin": 0.6, "gptq": 0.6, "gptq_marlin": 0.6}
#: Of an engine beside weights and cache: CUDA's context, its graphs, activations (our choice).
_ENGINE_OVERHEAD = 4.0
_PARALLEL = (1, 2, 4, 8, 16, 32, 64)
#: Accelerators on which a training is tried.
MOST = _PARALLEL[-1]


class Training(NamedTuple):
    """One accelerator of so many (``gpus``) that train together, in GB."""

    gpus: int
    ulysses: int
    state: float
    layers: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """While weights are updated; the engine beside it sleeps."""
        return self.state + self.layers + self.activations + self.logits


class Engine(NamedTuple):
    """One accelerator of so many (``parallel``) that serve a model together, in GB; of cache, what is left for it."""

    parallel: int
    weights: float
    cache: float
    #: Sequences of the longest length that all of them hold at once.
    sequences: int


def training(shape: Shape, gpus: int, tokens: int, ulysses: int) -> Training:
    """What training takes on each of ``gpus``, ``tokens`` in a micro-batch, each sequence spread over ``ulysses``."""
    here = tokens / ulysses
    layer = (shape.parameters - 2 * shape.vocabulary * shape.hidden) / shape.layers
    return Training(
        gpus=gpus,
        ulysses=ulysses,
        state=_STATE * shape.parameters / gpus / _GB,
        # Gathered for their turn: the one at work and the next one, and the embedding.
        layers=_BFLOAT16 * (2 * max(layer, 0.0) + shape.vocabulary * shape.hidden) / _GB,
        activations=here * shape.hidden * (2 * shape.layers + _AT_WORK) / _GB,
        logits=_LOGITS * shape.vocabulary * here / _GB,
    )


def engine(
    shape: Shape, memory: float, share: float, length: int, parallel: int, quantization: str | None = None
) -> Engine:
    """What serving takes on each of ``parallel`` accelerators of ``memory`` GB, of which the engine takes ``share``."""
    weights = _QUANTIZED.get(quantization or "", _BFLOAT16) * shape.parameters / parallel / _GB
    cache = max(0.0, memory * share - weights - _ENGINE_OVERHEAD)
    # Each accelerator holds its heads' part; with more of them than heads, some hold the same.
    a_token = shape.kv_bytes() / min(parallel, shape.kv_heads) / _GB
    return Engine(parallel, weights, cache, int(cache / (a_token * length)))


def smallest_training(shape: Shape, memory: float, tokens: int, ulysses: int, least: int) -> Training | None:
    """With the fewest accelerators that it fits on, ``least`` of them in any case; None: on ``MOST`` neither."""
    tried = (training(shape, gpus, tokens, ulysses) for gpus in (*_PARALLEL, least) if gpus >= max(ulysses, least))
    return next((one for one in tried if one.total <= 0.9 * memory), None)


def smallest_engine(
    shape: Shape, memory: float, share: float, length: int, sequences: int, most: int, quantization: str | None = None
) -> Engine | None:
    """With the fewest accelerators on which so many of the longest sequences fit; None: with ``most`` neither."""
    tried = (
        engine(shape, memory, share, length, parallel, quantization)
        for parallel in _PARALLEL
        if parallel <= most and shape.heads % parallel == 0
    )
    return next((one for one in tried if one.sequences >= sequences), None)
