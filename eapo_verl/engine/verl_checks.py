"""verl's own checks of its configuration, all of them before its first process: its workers make most of them later.

And one of ours, of what verl's engine for a CPU cannot do (:mod:`eapo_verl.cpu.shared_prompts`).
"""

from typing import Any

from eapo_verl.settings.errors import one_line
from eapo_verl.settings.run import RunError

#: What a worker calls these keys of the reference policy's (``ActorRolloutRefWorker.init_model``).
_RENAMED = {
    "log_prob_micro_batch_size": "ppo_micro_batch_size",
    "log_prob_micro_batch_size_per_gpu": "ppo_micro_batch_size_per_gpu",
    "log_prob_use_dynamic_bsz": "use_dynamic_bsz",
    "log_prob_max_token_len_per_gpu": "ppo_max_token_len_per_gpu",
}


def validate(config: Any) -> None:
    """Have verl check a configuration of reinforcement learning, and make of it what its workers would.

    Args:
        config: composed, as a run has it.

    Raises:
        RunError: what verl says, or we do, in one line.
    """
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from verl.trainer.distillation import is_distillation_enabled
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    roles, reference = config.actor_rollout_ref, need_reference_policy(config)
    try:
        validate_config(config=config, use_reference_policy=reference, use_critic=need_critic(config))
        parts = [roles.rollout, roles.rollout.checkpoint_engine]
        if reference:
            own = {_RENAMED.get(str(key), str(key)): value for key, value in roles.ref.items()}
            parts.append(OmegaConf.create(own | {"ppo_mini_batch_size": roles.actor.ppo_mini_batch_size}))
        distilled = is_distillation_enabled(config.distillation)
        top_k = distilled and omega_conf_to_dataclass(config.distillation).distillation_loss.loss_settings.use_topk
        for part in parts:
            omega_conf_to_dataclass(part)
    except (AssertionError, TypeError, ValueError, HydraException, OmegaConfBaseException) as error:
        raise RunError(one_line("training.verl: verl refuses it", error)) from error
    if config.trainer.device == "cpu" and roles.model.use_remove_padding:
        unsupported = {
            "actor_rollout_ref.model.use_fused_kernels": roles.model.use_fused_kernels,
            "actor_rollout_ref.actor.calculate_sum_pi_squared": roles.actor.calculate_sum_pi_squared,
            "a top-k distillation.distillation_loss.loss_mode": top_k,
        }
        if asked := [key for key, value in unsupported.items() if value]:
            key = "actor_rollout_ref.model.use_remove_padding"
            raise RunError(f"training.verl: {key} on a CPU goes without {asked[0]}")
