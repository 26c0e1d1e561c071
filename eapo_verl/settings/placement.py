"""How training is placed on accelerators, and whether verl and vLLM will take it.

verl finds most of this out where a worker builds its engine or divides its first batch (0.9.1: ``apply_monkey_patch``,
``rearrange_micro_batches``, ``ActorRolloutRefWorker.init_model``), after models have been loaded, and some of it never.
Light on purpose: neither verl nor torch is imported, so that an experiment is checked before anything is downloaded.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Keys(NamedTuple):
    """What one of verl's trainers calls the same things, below ``where`` in an experiment."""

    where: str
    ulysses: str
    tokens: str
    packed: str
    attention: str
    nodes: str | None = None
    gpus: str = "trainer.n_gpus_per_node"


class Heads(NamedTuple):
    """Of a model's attention: of queries, and of keys and values."""

    queries: int
    keys: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Heads":
        """What a ``config.json`` says. Raises KeyError, TypeError or ValueError where it says nothing."""
        text = config.get("text_config", config)
        queries = int(text["num_attention_heads"])
        return cls(queries, int(text.get("num_key_value_heads") or queries))

    @classmethod
    def read(cls, file: Path) -> "Heads":
        """Those of a model, by its ``config.json``. Raises as :meth:`of`, and OSError."""
        return cls.of(json.loads(file.read_text(encoding="utf-8")))

    def complaint(self, parts: int) -> str | None:
        """Why they are not spread over so many accelerators; None where they are. Keys and values may be repeated."""
        if self.queries % parts or (self.keys % parts and parts % self.keys):
            return f"{parts} do not go into {self.queries} heads of queries and {self.keys} of keys and values"
        return None


_ACTOR, _REF = (f"actor_rollout_ref.{part}" for part in ("actor", "ref"))
_MODEL = "actor_rollout_ref.model"
#: The engines: that of the policy, and a teacher's.
ROLLOUT, TEACHER = "actor_rollout_ref.rollout", "distillation.teacher_models.teacher_model.inference"
#: Of an accelerator's memory: verl's own, and what ``conf/platform/gpu.yaml`` has.
_SHARES = {ROLLOUT: 0.5, TEACHER: 0.8}
RL = Keys(
    "training.verl",
    f"{_ACTOR}.fsdp_config.ulysses_sequence_parallel_size",
    f"{_ACTOR}.ppo_max_token_len_per_gpu",
    f"{_MODEL}.use_remove_padding",
    f"{_MODEL}.override_config.attn_implementation",
    nodes="trainer.nnodes",
)
SFT = Keys(
    "supervised.verl",
    "engine.ulysses_sequence_parallel_size",
    "data.max_token_len_per_gpu",
    "model.use_remove_padding",
    "model.override_config.attn_implementation",
)
#: Of a micro-batch, on each accelerator, where the rows are no longer: verl's own for RL.
MICRO_BATCH = 16384
#: What ``conf/platform/gpu.yaml`` has, of either trainer.
ATTENTION = "flash_attention_2"


def accelerators(keys: Keys, verl: Mapping[str, Any]) -> int:
    """How many train; ``verl`` are the dotted keys of an experiment, without which it is one."""
    return int(verl.get(keys.gpus, 1)) * (int(verl.get(keys.nodes, 1)) if keys.nodes else 1)


def teacher_accelerators(verl: Mapping[str, Any]) -> int:
    """How many the teacher of on-policy distillation has, beside those that train."""
    return int(verl.get("distillation.n_gpus_per_node", 1)) * int(verl.get("distillation.nnodes", 1))


def engine_parts(engine: str, verl: Mapping[str, Any]) -> int:
    """Over how many accelerators each copy of an engine's model is spread."""
    return int(verl.get(f"{engine}.tensor_model_parallel_size", 1))


def engine_share(engine: str, verl: Mapping[str, Any]) -> float:
    """The share of an accelerator's memory that an engine takes."""
    return float(verl.get(f"{engine}.gpu_memory_utilization", _SHARES[engine]))


def attention(keys: Keys, verl: Mapping[str, Any]) -> str:
    """Which implementation of it, by transformers' name."""
    group, _, key = keys.attention.rpartition(".")
    return str(verl.get(keys.attention) or verl.get(group, {}).get(key, ATTENTION))


def is_flash(implementation: str) -> bool:
    """Whether an implementation of attention is a package of its own, which torch does not bring."""
    return implementation.startswith("flash_attention")


def sharing_a_row(keys: Keys, verl: Mapping[str, Any]) -> int:
    """Over how many accelerators each row is spread (Ulysses)."""
    return int(verl.get(keys.ulysses, 1))


def micro_batch_tokens(keys: Keys, verl: Mapping[str, Any], row: int) -> int:
    """Tokens of a micro-batch on each accelerator: the experiment's, or enough for the longest row.

    Args:
        keys: of the trainer.
        verl: the dotted keys of an experiment.
        row: tokens of the longest one, which the accelerators that share a row hold together.
    """
    return int(verl.get(keys.tokens) or max(MICRO_BATCH, math.ceil(row / sharing_a_row(keys, verl))))


def trainer_complaints(keys: Keys, verl: Mapping[str, Any], row: int, heads: Heads | None) -> Iterator[str]:
    """What keeps a trainer from its first step, each with its key.

    Args:
        keys: of the trainer.
        verl: the dotted keys of an experiment.
        row: tokens of the longest one.
        heads: the policy's; None where they are not known yet.
    """
    gpus, shared = accelerators(keys, verl), sharing_a_row(keys, verl)
    if gpus % shared:
        yield f"{keys.ulysses}: {shared} do not divide the {gpus} accelerators that train ({keys.gpus})"
    if shared > 1:
        if not verl.get(keys.packed, True) or not is_flash(attention(keys, verl)):
            # With another one each accelerator would attend to its own part of a row alone, without a word.
            yield (
                f"{keys.ulysses}: rows are spread over {shared} accelerators by flash attention on packed rows alone: "
                f"allowed are {keys.packed}: true, and flash_attention_2 or later as {keys.attention}"
            )
        if heads is not None and (complaint := heads.complaint(shared)) is not None:
            yield f"{keys.ulysses}: {complaint}"
    tokens = micro_batch_tokens(keys, verl, row)
    if tokens * shared < row:
        yield _too_few(keys.tokens, tokens, row, shared)


def rl_complaints(
    verl: Mapping[str, Any], row: int, heads: Heads | None, teacher: bool, teacher_heads: Heads | None = None
) -> Iterator[str]:
    """As :func:`trainer_complaints`, of reinforcement learning; ``teacher``: whether one scores its rollouts."""
    engines = (ROLLOUT, TEACHER)
    counts = [f"{engine}.{size}_parallel_size" for engine in engines for size in ("tensor_model", "data")]
    if bad := _no_counts(verl, RL, *counts, "distillation.n_gpus_per_node", "distillation.nnodes"):
        yield from bad
        return
    yield from trainer_complaints(RL, verl, row, heads)
    gpus, shared = accelerators(RL, verl), sharing_a_row(RL, verl)
    for model in (ROLLOUT, _REF):
        tokens = int(verl.get(f"{model}.log_prob_max_token_len_per_gpu") or micro_batch_tokens(RL, verl, row))
        if tokens * shared < row:
            yield _too_few(f"{model}.log_prob_max_token_len_per_gpu", tokens, row, shared)
    dynamic = f"{ROLLOUT}.log_prob_use_dynamic_bsz"
    if (own := verl.get(f"{_ACTOR}.use_dynamic_bsz", True)) != verl.get(dynamic, own):
        yield f"{dynamic}: it has to be what {_ACTOR}.use_dynamic_bsz is, {str(own).lower()}"
    yield from _engine_complaints(ROLLOUT, verl, gpus, "that train", heads)
    if teacher:
        yield from _engine_complaints(TEACHER, verl, teacher_accelerators(verl), "of the teacher", teacher_heads)


def sft_complaints(verl: Mapping[str, Any], row: int, heads: Heads | None, batch: int) -> Iterator[str]:
    """As :func:`trainer_complaints`, of supervised fine-tuning; ``batch``: texts of an optimiser step."""
    if bad := _no_counts(verl, SFT):
        yield from bad
        return
    yield from trainer_complaints(SFT, verl, row, heads)
    ranks = max(1, accelerators(SFT, verl) // sharing_a_row(SFT, verl))
    if batch % ranks:
        # verl would leave some out of each batch.
        yield f"{SFT.gpus}: an optimiser step is of {batch} texts, which {ranks} parts of the batch do not divide"


def _no_counts(verl: Mapping[str, Any], keys: Keys, *more: str) -> list[str]:
    said = [(key, verl.get(key, 1)) for key in (keys.gpus, keys.nodes, keys.ulysses, *more) if key]
    return [f"{key}: allowed are 1, 2, …, not {value}" for key, value in said if type(value) is not int or value < 1]


def _engine_complaints(
    engine: str, verl: Mapping[str, Any], gpus: int, whose: str, heads: Heads | None
) -> Iterator[str]:
    key = f"{engine}.tensor_model_parallel_size"
    parallel, replicas = engine_parts(engine, verl), int(verl.get(f"{engine}.data_parallel_size", 1))
    if gpus % (parallel * replicas):
        yield f"{key}: {parallel * replicas} do not divide the {gpus} accelerators {whose}"
    if heads is not None and (complaint := heads.complaint(parallel)) is not None:
        yield f"{key}: {complaint}"
    if not 0 < (share := engine_share(engine, verl)) <= 1:
        yield f"{engine}.gpu_memory_utilization: allowed is a share of the memory, above 0 and at most 1, not {share}"


def _too_few(key: str, tokens: int, row: int, shared: int) -> str:
    return (
        f"{key}: {tokens} tokens on each of the {shared} accelerators of a row do not hold one of {row} "
        f"(lengths.prompt + lengths.response): at least {math.ceil(row / shared)}"
    )
