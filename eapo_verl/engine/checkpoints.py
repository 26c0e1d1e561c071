"""verl's checkpoints as models."""

from pathlib import Path

from verl.model_merger.base_model_merger import ModelMergerConfig
from verl.model_merger.fsdp_model_merger import FSDPModelMerger


def merge(checkpoint: Path, target: Path) -> None:
    """verl's own merger: the shards in a folder become one Hugging Face checkpoint, tokenizer included."""
    FSDPModelMerger(
        ModelMergerConfig(
            operation="merge",
            backend="fsdp",
            local_dir=str(checkpoint),
            hf_model_config_path=str(checkpoint / "huggingface"),
            target_dir=str(target),
        )
    ).merge_and_save()
