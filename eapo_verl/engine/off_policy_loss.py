"""The policy loss of a run with off-policy rows, in verl's registry under ``off_policy``.

``actor.policy_loss`` names :class:`OffPolicyLossConfig` as its ``_target_``: verl instantiates it in the process that
trains, and so this module is imported and the loss registered there.
"""

from dataclasses import dataclass
from typing import Any

import torch
from verl.trainer.ppo.core_algos import agg_loss, compute_policy_loss_vanilla, register_policy_loss
from verl.workers.config import ActorConfig, PolicyLossConfig

NAME = "off_policy"


@dataclass
class OffPolicyLossConfig(PolicyLossConfig):
    """verl's, and what :class:`~eapo_verl.settings.solutions.OffPolicy` says of the loss."""

    loss_mode: str = NAME
    gamma: float = 0.1
    clipped: bool = True


@register_policy_loss(NAME)
def off_policy_loss(
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    loss_agg_mode: str = "token-mean",
    config: ActorConfig | None = None,
    rollout_is_weights: torch.Tensor | None = None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """verl's loss on the policy's own rows plus the shaped one on experts' (:mod:`eapo_verl.method.off_policy`).

    Either sum is over the same number of tokens, or of rows, verl's number for the whole mini-batch: together they are
    the mean over all members.

    Args:
        old_log_prob: (rows, tokens), in nats; nan on an expert's row, which no policy of this run has sampled.
        log_prob: the policy's, likewise, never nan.
        advantages: likewise.
        response_mask: likewise, True on the tokens that are learned from.
        loss_agg_mode: verl's name of the mean.
        config: of the actor; its ``policy_loss`` is an :class:`OffPolicyLossConfig`.
        rollout_is_weights: verl's weights of the policy's own tokens, if any.

    Returns:
        the loss, and verl's metrics of the policy's own rows.
    """
    assert config is not None and isinstance(config.policy_loss, OffPolicyLossConfig)
    shaping = config.policy_loss
    expert = old_log_prob.isnan()
    # Without a nan, which a mask would not keep out of the gradient.
    old = torch.where(expert, log_prob.detach(), old_log_prob)
    own = response_mask.bool() & ~expert
    if shaping.clipped:
        loss, metrics = compute_policy_loss_vanilla(
            old, log_prob, advantages, own, loss_agg_mode, config, rollout_is_weights
        )
    else:
        # As far from 1 as verl itself lets a ratio be.
        ratio = (log_prob - old).clamp(-20.0, 20.0).exp()
        weights = 1.0 if rollout_is_weights is None else rollout_is_weights
        loss = agg_loss(-advantages * ratio * weights, own, loss_agg_mode, **config.global_batch_info)
        metrics = {}
    p = log_prob.exp()
    shaped = -advantages * p / (p + shaping.gamma)
    theirs = response_mask.bool() & expert
    return loss + agg_loss(shaped, theirs, loss_agg_mode, **config.global_batch_info), metrics
