"""A run's settings as verl's configuration: the overlay ``conf/sft.yaml`` and this run's overrides."""

from pathlib import Path
from typing import Any

from eapo_verl.cpu.precision import cpu_precision
from eapo_verl.engine.verl_config import hydra_value
from eapo_verl.settings import placement
from eapo_verl.sft.settings import SFTSettings

#: The rows, in the folder of the checkpoints.
ROWS = "train.parquet"


def overrides(settings: SFTSettings, checkpoint_dir: Path, platform: str) -> list[str]:
    """The Hydra overrides that turn the overlay into this run on this platform."""
    budget, lengths, supervised = settings.budget, settings.lengths, settings.supervised
    values: dict[str, Any] = {
        "data.train_files": str(checkpoint_dir / ROWS),
        "data.train_batch_size": settings.batch,
        "data.max_length": lengths.prompt + lengths.response,
        "model.path": str(settings.policy.absolute()),
        "optim.lr": supervised.effective_learning_rate,
        "optim.lr_scheduler_type": supervised.schedule,
        "optim.lr_warmup_steps_ratio": supervised.warm_up,
        "optim.weight_decay": supervised.weight_decay,
        "optim.clip_grad": supervised.grad_clip,
        "trainer.total_training_steps": settings.optimiser_steps,
        "trainer.save_freq": budget.validate_every * budget.mini_batches,
        "trainer.logger": list(settings.trackers),
        "trainer.experiment_name": f"{settings.experiment}-{settings.method}-{settings.seed}",
        "trainer.default_local_dir": str(checkpoint_dir),
    }
    if supervised.lora is not None:
        values |= {
            "model.lora_rank": supervised.lora.rank,
            "model.lora_alpha": supervised.lora.alpha,
            "model.target_modules": supervised.lora.targets,
        }
    if settings.chat_template_kwargs:
        values["data.apply_chat_template_kwargs"] = settings.chat_template_kwargs
    if platform == "cpu":
        short = {"float32": "fp32", "bfloat16": "bf16"}[cpu_precision(settings.precision)]
        values["engine.mixed_precision"] = {"param_dtype": short, "reduce_dtype": "fp32", "buffer_dtype": "fp32"}
    else:
        tokens = placement.micro_batch_tokens(placement.SFT, supervised.verl, lengths.prompt + lengths.response)
        values[placement.SFT.tokens] = tokens
    values |= supervised.verl
    return [f"++{key}={hydra_value(value)}" for key, value in values.items()]


def processes(settings: SFTSettings) -> int:
    """How many processes train: an accelerator each, or the only one of a CPU."""
    return placement.accelerators(placement.SFT, settings.supervised.verl)


def compose(settings: SFTSettings, checkpoint_dir: Path, platform: str) -> Any:
    """verl's configuration for this run.

    Args:
        settings: the run.
        checkpoint_dir: where checkpoints and the rows are.
        platform: "cpu" or "gpu": the overlay of ``conf/platform``.
    """
    import hydra

    with hydra.initialize_config_module("eapo_verl.sft.conf", version_base=None):
        return hydra.compose("sft", [f"platform={platform}", *overrides(settings, checkpoint_dir, platform)])
