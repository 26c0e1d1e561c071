"""The loss of a run with off-policy rows, against the formulas written out in plain torch."""

import math
from typing import Any

import pytest

pytestmark = pytest.mark.engine  # imports verl

GAMMA = 0.1
#: Two rollouts of the policy, and an expert's solution; the first has a token that is not trained on.
MASK = [[1, 0, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]
OLD = [[-0.5, -1.0, -0.2, -2.0], [-0.1, -0.7, 0.0, 0.0], [math.nan, math.nan, math.nan, 0.0]]
NEW = [[-0.1, -1.1, -0.9, -2.0], [-0.6, -0.4, 0.0, 0.0], [-0.05, -3.0, -1.0, 0.0]]
ADVANTAGES = [0.5, -0.5, 0.75]
RESPONSE = 10
#: Of the whole mini-batch, of which these rows are a part.
TOKENS, ROWS = 20, 5


def config(mode: str, clipped: bool) -> Any:
    from verl.workers.config import ActorConfig

    from eapo_verl.engine.off_policy_loss import OffPolicyLossConfig

    loss = OffPolicyLossConfig(gamma=GAMMA, clipped=clipped)
    return ActorConfig(
        strategy="fsdp2",
        rollout_n=4,
        ppo_micro_batch_size_per_gpu=3,
        clip_ratio_low=0.2,
        clip_ratio_high=0.28,
        loss_agg_mode=mode,
        policy_loss=loss,
        global_batch_info={
            "dp_size": 1, "batch_num_tokens": TOKENS, "global_batch_size": ROWS, "loss_scale_factor": RESPONSE
        },
    )  # fmt: skip


def by_hand(new: Any, clipped: bool, mode: str) -> Any:
    """Token by token, and then the mean."""
    import torch

    rows = []
    for row, (mask, old, advantage) in enumerate(zip(MASK, OLD, ADVANTAGES, strict=True)):
        losses = []
        for token, learned in enumerate(mask):
            if not learned:
                continue
            log_p = new[row, token]
            if row == 2:
                p = torch.exp(log_p)
                losses.append(-advantage * p / (p + GAMMA))
                continue
            ratio = torch.exp(log_p - old[token])
            if clipped:
                ratio = torch.minimum(ratio, ratio.new_tensor(1.28)) if advantage > 0 else ratio.clamp(min=0.8)
            losses.append(-advantage * ratio)
        rows.append(torch.stack(losses).sum())
    whole = torch.stack(rows).sum()
    return whole / TOKENS if mode == "token-mean" else whole / ROWS / RESPONSE


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-sum-norm"])
@pytest.mark.parametrize("clipped", [True, False])
def test_it_is_the_formula_and_so_is_its_gradient(mode: str, clipped: bool) -> None:
    import torch
    from verl.trainer.ppo.core_algos import get_policy_loss_fn

    from eapo_verl.engine.off_policy_loss import NAME

    found, expected = (torch.tensor(NEW, requires_grad=True) for _ in range(2))
    advantages = torch.tensor(ADVANTAGES)[:, None] * torch.tensor(MASK)
    actor = config(mode, clipped)
    loss, metrics = get_policy_loss_fn(NAME)(
        old_log_prob=torch.tensor(OLD),
        log_prob=found,
        advantages=advantages,
        response_mask=torch.tensor(MASK).bool(),
        loss_agg_mode=mode,
        config=actor,
        rollout_is_weights=None,
    )
    written = by_hand(expected, clipped, mode)
    loss.backward()
    written.backward()
    assert loss.item() == pytest.approx(written.item(), rel=1e-5)
    torch.testing.assert_close(found.grad, expected.grad)
    assert all(math.isfinite(value) for value in metrics.values())


def test_the_shaping_lifts_improbable_tokens() -> None:
    import torch

    from eapo_verl.engine.off_policy_loss import off_policy_loss

    # d/d log p of -A p / (p + gamma) is -A p gamma / (p + gamma)^2.
    p = torch.tensor([[0.01, 0.1, 0.9]])
    log_p = p.log().requires_grad_()
    ones, old = torch.ones_like(p), torch.full_like(p, math.nan)
    loss, _ = off_policy_loss(old, log_p, ones, ones.bool(), "token-mean", config("token-mean", False))
    loss.backward()
    torch.testing.assert_close(log_p.grad, -p * GAMMA / (p + GAMMA) ** 2 / TOKENS)


def test_without_an_experts_row_the_clipped_loss_is_verls() -> None:
    import torch
    from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla

    from eapo_verl.engine.off_policy_loss import off_policy_loss

    rows = slice(0, 2)
    arguments = (
        torch.tensor(OLD)[rows],
        torch.tensor(NEW)[rows],
        torch.tensor(ADVANTAGES)[rows, None].expand(2, 4),
        torch.tensor(MASK)[rows].bool(),
        "token-mean",
        config("token-mean", True),
    )
    (ours, metrics), (theirs, their_metrics) = off_policy_loss(*arguments), compute_policy_loss_vanilla(*arguments)
    assert ours.item() == theirs.item() and metrics == their_metrics
