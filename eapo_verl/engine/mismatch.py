"""How far the engine that samples is from the trainer that learns, on the tokens that were sampled. Pure functions."""

from collections.abc import Iterable

import torch


def is_measured(step: int, validate_every: int) -> bool:
    """Whether both are compared in this step: in the first, and as often as there is a validation.

    Returning log-probabilities takes a fifth of the time of vLLM's server process on a CPU.
    """
    return step == 1 or step % validate_every == 0


def mismatch_kl(pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> float | None:
    """An estimate of KL(engine || trainer) in nats a token: the mean of r - 1 - log r, r = p_trainer / p_engine.

    It is unbiased and never negative (Schulman 2020, "Approximating KL divergence", k3). The engine's distribution is
    the one that a token was drawn from: without the tag, where that is banned, which the trainer's is in a run that
    never consults alone (:mod:`eapo_verl.engine.banned_tag`). So this is rounding there, and in one that consults what
    the ban does to the rollouts and turns that are not to.

    Args:
        pairs: of each rollout, the log-probabilities of its response by the engine and by the trainer, (tokens,) each
            in nats; the engine's are nan where it did not sample the token.

    Returns:
        None where no token was sampled.
    """
    terms = []
    for engine, trainer in pairs:
        sampled = ~engine.isnan()
        log_ratio = (trainer[sampled] - engine[sampled]).double()
        terms.append(log_ratio.expm1() - log_ratio)
    every = torch.cat(terms) if terms else torch.empty(0)
    return float(every.mean()) if len(every) else None
