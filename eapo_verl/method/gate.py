"""Which of the policy's consultations are let through, by the policy's own confidence where it asks.

The summary of the paper says that a "confidence-based mechanism" guides consultation and gives no formula; this one is
ours.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from pydantic import Field

from eapo_verl.settings.base import Settings

#: Most probable tokens that an entropy is computed from; vLLM's own limit on what it returns.
TOP_K = 20

TriggerKind = Literal["learned", "confidence_gated", "always", "never", "random"]
Signal = Literal["log_prob", "entropy"]


class Confidence(Settings):
    """When the policy counts as unsure; the numbers are not stated, our choice.

    Attributes:
        signal: what the policy's confidence is made of, see :meth:`measure`.
        window: tokens that it is the mean of.
        threshold: below which the policy is unsure, in nats. None: it follows the policy, see :meth:`follow`.
        quantile: of recent confidences, that a running threshold is: roughly the share that is let through.
        smoothing: the weight of the newest step in a running threshold.
    """

    signal: Signal = "log_prob"
    window: int = Field(32, ge=1)
    threshold: float | None = None
    quantile: float = Field(0.8, ge=0, le=1)
    smoothing: float = Field(0.1, gt=0, le=1)

    def measure(self, values: Sequence[float]) -> float:
        """The policy's confidence over its last ``window`` tokens (or all there are), in nats; higher is surer.

        Args:
            values: one number a token. For ``log_prob`` the log-probabilities of the sampled tokens, whose mean is the
                confidence; the mean's negative is the one-sample estimate of the entropy. For ``entropy`` the
                entropies of the tokens' distributions, whose negative mean is the confidence.

        Raises:
            ValueError: there is no token, or a value is not finite.
        """
        last = np.asarray(values[-self.window :], dtype=float)
        if not last.size or not np.isfinite(last).all():
            raise ValueError("confidence needs at least one token, and finite values")
        mean = float(last.mean())
        return mean if self.signal == "log_prob" else -mean

    def follow(self, threshold: float | None, confidences: Sequence[float]) -> float | None:
        """The threshold of the next step.

        An absolute one stays. A running one follows the policy, so that about the same share of consultations is let
        through as confidence grows: theta_{s+1} = (1 - smoothing) * theta_s + smoothing * Q_q(confidences of the
        consultations of step s). The whole state is theta, one number or None; the caller keeps it, and a run that
        resumes hands it in again.

        Args:
            threshold: that of the step that ends; None before the first consultation, whose step then sets it.
            confidences: of every consultation that was closed in the step, let through or not (of the first kind alone,
                the threshold would fall for ever). Without any, the threshold stays.

        Raises:
            ValueError: a confidence is not finite.
        """
        values = np.asarray(confidences, dtype=float)
        if self.threshold is not None:
            return self.threshold
        if not values.size:
            return threshold
        if not np.isfinite(values).all():
            raise ValueError("confidences are finite numbers")
        newest = float(np.quantile(values, self.quantile))
        return newest if threshold is None else (1.0 - self.smoothing) * threshold + self.smoothing * newest


def top_k_entropy(log_probs: Sequence[float | None]) -> float:
    """Entropy in nats of a token's distribution, from the log-probabilities of its most probable tokens.

    What the others have together counts as one token, so this is a lower bound, and exact where there are no others.
    None stands for a token that the vocabulary does not have.
    """
    p = np.exp([value for value in log_probs if value is not None])
    shares = np.append(p, max(0.0, 1.0 - p.sum()))
    shares = shares[shares > 0.0]
    return float(-(shares * np.log(shares)).sum())


def gate(
    kind: TriggerKind,
    confidence: float | None = None,
    threshold: float | None = None,
    draw: float = 0.0,
    p: float = 1.0,
) -> bool:
    """Whether a consultation that the policy closed is let through.

    Args:
        kind: ``learned`` and ``always`` let every one through (``learned`` leaves it to the policy whether there is
            one, ``always`` has the rollout see to it that there is), ``never`` none, ``random`` one with probability
            ``p``, ``confidence_gated`` one whose confidence is strictly below the threshold.
        confidence: see :meth:`Confidence.measure`.
        threshold: in the same unit; None, where no value is known yet, lets every one through.
        draw: uniform in [0, 1), see :func:`~eapo_verl.method.draws.uniform_draw`.
        p: probability, in [0, 1].

    Raises:
        ValueError: an argument is outside its range, or a gated consultation has a threshold and no confidence.
    """
    if kind not in get_args(TriggerKind):
        raise ValueError(f"a trigger is one of {', '.join(get_args(TriggerKind))}, got {kind!r}")
    if not 0.0 <= p <= 1.0 or not 0.0 <= draw < 1.0:
        raise ValueError(f"a random trigger needs p in [0, 1] and a draw in [0, 1), got {p} and {draw}")
    if kind == "random":
        return draw < p
    if kind == "confidence_gated" and threshold is not None:
        if confidence is None:
            raise ValueError("a confidence-gated consultation needs a confidence to hold against its threshold")
        return confidence < threshold
    return kind != "never"
