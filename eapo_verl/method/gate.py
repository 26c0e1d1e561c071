"""Which of the policy's consultations are let through, by the policy's own confidence where it asks.

The summary of the paper says that a "confidence-based mechanism" guides consultation and gives no formula; this one is
ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

#: Most probable tokens that an entropy is computed from; vLLM's own limit on what it returns.
TOP_K = 20

TriggerKind = Literal["learned", "confidence_gated", "always", "never", "random"]
Signal = Literal["log_prob", "entropy"]


def confidence(values: Sequence[float], window: int, signal: Signal = "log_prob") -> float:
    """The policy's confidence over its last ``window`` tokens (all, where there are fewer), in nats; higher is surer.

    Args:
        values: one number a token. For ``log_prob`` the log-probabilities of the sampled tokens, whose mean is the
            confidence; the mean's negative is the one-sample estimate of the entropy. For ``entropy`` the entropies of
            the tokens' distributions, whose negative mean is the confidence.
        window: W, at least 1.
        signal: what the values are.

    Raises:
        ValueError: an argument is outside its range, there is no token, or a value is not finite.
    """
    if signal not in get_args(Signal):
        raise ValueError(f"a confidence signal is one of {', '.join(get_args(Signal))}, got {signal!r}")
    if window < 1:
        raise ValueError(f"a confidence window is at least 1 token, got {window}")
    last = np.asarray(values[-window:], dtype=float)
    if not last.size or not np.isfinite(last).all():
        raise ValueError("confidence needs at least one token, and finite values")
    mean = float(last.mean())
    return mean if signal == "log_prob" else -mean


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
        confidence: see :func:`confidence`.
        threshold: in the same unit; None, where no value is known yet, lets every one through.
        draw: uniform in [0, 1), see :func:`~eapo_verl.method.schedules.uniform_draw`.
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


@dataclass(frozen=True)
class RunningQuantile:
    """A threshold that follows the policy: about the same share of consultations is let through as confidence grows.

    theta_{s+1} = (1 - smoothing) * theta_s + smoothing * Q_q(confidences of the consultations of step s). The whole
    state is theta, one number or None; the caller keeps it, and a run that resumes hands it in again.

    Args:
        q: the quantile, in [0, 1]: roughly the share that is let through.
        smoothing: the weight of the newest step, in (0, 1].

    Raises:
        ValueError: an argument is outside its range.
    """

    q: float = 0.5
    smoothing: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.q <= 1.0:
            raise ValueError(f"a quantile lies in [0, 1], got {self.q}")
        if not 0.0 < self.smoothing <= 1.0:
            raise ValueError(f"smoothing lies in (0, 1], got {self.smoothing}")

    def __call__(self, threshold: float | None, confidences: Sequence[float]) -> float | None:
        """The threshold of the next step.

        Args:
            threshold: that of the step that ends; None before the first consultation, whose step then sets it.
            confidences: of every consultation that was closed in the step, let through or not (of the first kind alone,
                the threshold would fall for ever). Without any, the threshold stays.

        Raises:
            ValueError: a confidence is not finite.
        """
        values = np.asarray(confidences, dtype=float)
        if not values.size:
            return threshold
        if not np.isfinite(values).all():
            raise ValueError("confidences are finite numbers")
        newest = float(np.quantile(values, self.q))
        return newest if threshold is None else (1.0 - self.smoothing) * threshold + self.smoothing * newest
