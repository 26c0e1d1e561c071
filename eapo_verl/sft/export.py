"""A checkpoint of verl's as a model in Hugging Face's form, adapters folded into its weights."""

import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from eapo_verl.engine.checkpoints import merge

#: Where verl's merger puts the adapter that it found.
ADAPTER = "lora_adapter"


def export(checkpoint: Path, target: Path, policy: Path, adapters: bool) -> None:
    """Write the model of a sharded checkpoint to ``target``, tokenizer included.

    Args:
        checkpoint: a folder of verl's, ``global_step_…``.
        target: created where it is missing.
        policy: the model that training started from.
        adapters: whether they were trained in place of all weights.
    """
    if not adapters:
        merge(checkpoint, target)
        return
    with tempfile.TemporaryDirectory(prefix=".adapter-", dir=checkpoint) as scratch:
        # verl's merger writes the frozen weights, and beside them the adapter, which nobody would load.
        merge(checkpoint, Path(scratch))
        fold(policy, Path(scratch) / ADAPTER, target)


def fold(policy: Path, adapter: Path, target: Path) -> None:
    """Write ``policy`` with an adapter added to its weights: W + (alpha / rank) B A, in the policy's precision.

    The sum is made in float32: bfloat16 would round most of an adapter away.
    """
    base = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, adapter).merge_and_unload()
    model.to(AutoConfig.from_pretrained(policy).dtype or torch.float32).save_pretrained(target)
    AutoTokenizer.from_pretrained(policy).save_pretrained(target)
