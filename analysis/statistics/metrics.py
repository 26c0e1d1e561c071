"""Metrics of one method on questions that were each answered n times.

Accuracies come as an array ``p`` of shape [questions] or [questions, seeds], the share of right samples in each cell;
functions of ``p`` raise ValueError where it is empty or a cell is no number from 0 to 1 (NaN: a missing one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def avg_at_k(p: ArrayLike) -> float:
    """Mean accuracy over all cells: avg@k for k samples a cell (what the paper calls Pass@32)."""
    return float(np.mean(_cells(p)))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of P(at least one of k samples is right), c of n being right: 1 - C(n-c, k) / C(n, k).

    Chen et al. 2021 (2107.03374), eq. 1, as the product of (1 - k/i) for i = n-c+1 … n, in which nothing overflows.

    Raises:
        ValueError: unless 0 <= c <= n and 1 <= k <= n.
    """
    if not 0 <= c <= n:
        raise ValueError(f"c = {c} right samples of n = {n}: allowed are 0 to n")
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} of n = {n} samples: allowed are 1 to n")
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def maj_at_k(extracted: Sequence[str | None], correct: Sequence[bool]) -> float:
    """Whether the answer given most often is right, for the k samples of a question.

    Unanswered samples (None) do not vote; without any vote the result is 0. Tie rule: a tie is broken at random,
    and the expected value is returned, so that m answers with equal votes, one of them right, give 1/m whatever
    their order.
    """
    votes: Counter[str] = Counter()
    right: set[str] = set()
    for answer, is_right in zip(extracted, correct, strict=True):
        if answer is not None:
            votes[answer] += 1
            if is_right:
                right.add(answer)
    if not votes:
        return 0.0
    most = max(votes.values())
    tied = [answer for answer, count in votes.items() if count == most]
    return sum(answer in right for answer in tied) / len(tied)


def var_within(p: ArrayLike) -> float:
    """Variance of a sample's correctness within its cell: the mean of p(1 - p)."""
    cells = _cells(p)
    return float(np.mean(cells * (1.0 - cells)))


def var_between(p: ArrayLike) -> float:
    """Variance of p between cells (population form), so that mean(p) (1 - mean(p)) = var_within + var_between."""
    return float(np.var(_cells(p)))


def duplicate_rate(responses: Sequence[str]) -> float:
    """Share of a question's responses that repeat an earlier one exactly: 0 if all differ, 1 - 1/k if all are alike.

    Raises:
        ValueError: there is no response.
    """
    if not responses:
        raise ValueError("responses: none given: needed is at least one")
    return 1.0 - len(set(responses)) / len(responses)


def _cells(p: ArrayLike) -> NDArray[np.float64]:
    cells = np.asarray(p, dtype=float)
    # Written so that NaN fails it.
    if cells.size == 0 or not np.all((cells >= 0) & (cells <= 1)):
        raise ValueError(f"accuracies of shape {cells.shape}: needed is one or more, each from 0 to 1, none missing")
    return cells
