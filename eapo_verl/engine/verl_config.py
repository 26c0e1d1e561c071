"""A run's settings as verl's configuration: the overlay ``conf/trainer.yaml`` and this run's overrides."""

import json
from pathlib import Path
from typing import Any

from eapo_verl.cpu.kv_cache import SEQUENCES, kv_cache_bytes
from eapo_verl.cpu.precision import Precision, cpu_precision
from eapo_verl.engine import teacher
from eapo_verl.engine.network import on_one_machine
from eapo_verl.record import step_log
from eapo_verl.settings import placement
from eapo_verl.settings.run import RunSettings

#: Of a cluster of a run's own. verl's actors reserve more than a job may have been given, and wait for ever, without a
#: word, if it is not there; on eight accelerators and a teacher's they are fewer than a hundred.
_LOGICAL_CPUS = 128
#: Of a run whose rollouts go on while the policy learns (docs/asynchronous-training.md). Not stated; our choice: tokens
#: are weighed by truncated importance sampling (verl's own bound, 2, stays), and no group is thrown away for its age,
#: which would be those that waited for experts: a step waits for groups that are as old as verl's own limit, 8 steps.
_OVERLAPPING = {
    "algorithm.rollout_correction.rollout_is": "token",
    "trainer.v1.sampler.max_off_policy_strategy": "wait",
    "trainer.v1.sampler.custom_sampler.name": "OverlappingReplayBuffer",
}


def overrides(settings: RunSettings, checkpoint_dir: Path, platform: str) -> list[str]:
    """The Hydra overrides that turn the overlay into this run on this platform."""
    budget, optimiser, lengths = settings.budget, settings.optimiser, settings.lengths
    actor, rollout = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
    values: dict[str, Any] = {
        "eapo.metrics_file": str(checkpoint_dir / step_log.FILE),
        "algorithm.norm_adv_by_std_in_grpo": optimiser.normalise_by_std,
        "algorithm.use_kl_in_reward": optimiser.kl_reward_coefficient > 0,
        "algorithm.kl_ctrl.kl_coef": optimiser.kl_reward_coefficient,
        "data.train_files": str(checkpoint_dir / "train.parquet"),
        "data.val_files": str(checkpoint_dir / "validation.parquet"),
        "data.train_batch_size": budget.prompts_per_step,
        "data.max_prompt_length": lengths.prompt,
        "data.max_response_length": lengths.response,
        "data.seed": settings.seed,
        "actor_rollout_ref.model.path": str(settings.policy.absolute()),
        f"{actor}.optim.lr": optimiser.learning_rate,
        f"{actor}.optim.weight_decay": optimiser.weight_decay,
        f"{actor}.grad_clip": optimiser.grad_clip,
        f"{actor}.clip_ratio_low": optimiser.clip_low,
        f"{actor}.clip_ratio_high": optimiser.clip_high,
        f"{actor}.loss_agg_mode": optimiser.loss_aggregation,
        f"{actor}.use_kl_loss": optimiser.kl_coefficient > 0,
        f"{actor}.kl_loss_coef": optimiser.kl_coefficient,
        f"{actor}.ppo_mini_batch_size": budget.prompts_per_step // budget.mini_batches,
        f"{rollout}.n": budget.rollouts_per_prompt,
        f"{rollout}.temperature": optimiser.temperature,
        f"{rollout}.max_model_len": lengths.prompt + lengths.response,
        f"{rollout}.seed": settings.seed,
        f"{rollout}.val_kwargs.n": budget.validation_samples,
        f"{rollout}.val_kwargs.temperature": optimiser.temperature,
        "trainer.total_training_steps": budget.steps,
        "trainer.test_freq": budget.validate_every,
        "trainer.save_freq": budget.checkpoint_every,
        "trainer.logger": list(settings.trackers),
        "trainer.experiment_name": f"{settings.experiment}-{settings.method}-{settings.seed}",
        "trainer.default_local_dir": str(checkpoint_dir),
    }
    if settings.chat_template_kwargs:
        values["data.apply_chat_template_kwargs"] = settings.chat_template_kwargs
    if optimiser.dynamic_sampling:
        # Groups are replaced one by one; the metric is the answer's, not the shaped reward's.
        sampler = "trainer.v1.sampler.sampler_kwargs"
        values |= {"data.gen_batch_size": 1, f"{sampler}.filter_groups_metric": "acc"}
        values[f"{sampler}.most_discarded"] = optimiser.dynamic_sampling_batches * budget.prompts_per_step
    if optimiser.loss_aggregation == "seq-mean-token-sum-norm":
        # Without it verl takes the longest response of a micro-batch, which is no constant.
        values[f"{actor}.loss_scale_factor"] = lengths.response
    if settings.overlapping:
        values |= _OVERLAPPING
    if settings.off_policy is not None:
        loss: dict[str, Any] = {"gamma": settings.off_policy.gamma, "clipped": settings.off_policy.clipped}
        loss |= {"_target_": "eapo_verl.engine.off_policy_loss.OffPolicyLossConfig", "loss_mode": "off_policy"}
        values |= {f"{actor}.policy_loss.{key}": value for key, value in loss.items()}
    if platform == "cpu":
        values |= _in_precision(cpu_precision(settings.precision))
        # Never more sequences than the cache holds: one that was set aside would be read anew, and rounded otherwise.
        values[f"{rollout}.max_num_seqs"] = SEQUENCES
        values[f"{rollout}.engine_kwargs.vllm.kv_cache_memory_bytes"] = kv_cache_bytes(
            settings.policy, lengths.prompt + lengths.response
        )
    else:
        tokens = placement.micro_batch_tokens(placement.RL, settings.verl, lengths.prompt + lengths.response)
        values[placement.RL.tokens] = tokens
        if on_one_machine(settings.verl):
            values["ray_kwargs.ray_init.num_cpus"] = _LOGICAL_CPUS
    values |= teacher.overrides(settings, platform) | settings.verl
    return [f"++{key}={hydra_value(value)}" for key, value in values.items()]


def _in_precision(precision: Precision) -> dict[str, Any]:
    """What verl's engines compute in; weights and optimiser are float32 whatever it is."""
    short = {"float32": "fp32", "bfloat16": "bf16"}[precision]
    types = {"param_dtype": short, "reduce_dtype": "fp32", "buffer_dtype": "fp32"}
    models = ("actor_rollout_ref.actor", "actor_rollout_ref.ref")
    return {f"{model}.fsdp_config.mixed_precision": types for model in models} | {
        "actor_rollout_ref.rollout.dtype": precision
    }


def agent_loop(settings: RunSettings) -> str:
    """The agent loop that training prompts are rolled out with."""
    return "consulting" if settings.consultation.possible else "independent"


def compose(settings: RunSettings, checkpoint_dir: Path, platform: str) -> Any:
    """verl's configuration for this run.

    Args:
        settings: the run.
        checkpoint_dir: where checkpoints, the data in verl's form and the growing metrics file live.
        platform: "cpu" or "gpu": the overlay of ``conf/platform``.
    """
    import hydra
    from omegaconf import open_dict

    with hydra.initialize_config_module("eapo_verl.engine.conf", version_base=None):
        config = hydra.compose("trainer", [f"platform={platform}", *overrides(settings, checkpoint_dir, platform)])
    with open_dict(config):
        # A prompt may hold what OmegaConf takes for an interpolation; in JSON a dollar sign stands in strings alone.
        config.eapo.run = settings.model_dump_json().replace("$", "\\u0024")
    return config


def hydra_value(value: Any) -> str:
    """A value in Hydra's override syntax, which is JSON's but for the keys of a dictionary and for strings."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{hydra_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(hydra_value, value)) + "]"
    if isinstance(value, str):
        return QuotedString(value, Quote.double).with_quotes()
    return json.dumps(value)
