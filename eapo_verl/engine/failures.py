"""Rollouts that raise: an error of the engine or of this code, never a matter of experts, whose failures are outcomes.

verl logs the error and goes on with what is left of the group. Here each is counted, and a run that loses more than a
few is stopped before it learns from what is left.
"""

from collections import Counter
from collections.abc import Sequence

from eapo_verl.settings.run import RunStopped


class RolloutsFailed(RunStopped):
    """Too many rollouts of a step raised."""


def describe(error: BaseException) -> str:
    """The error in one line: its class and what it says."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def report_failures(errors: Sequence[str], where: str) -> None:
    """Say in the log what failed, a line for each different error."""
    for error, times in Counter(errors).most_common():
        print(f"warning: {where}: {times} rollouts failed with {error}", flush=True)


def check_failures(errors: Sequence[str], expected: int, limit: float, step: int) -> None:
    """Stop where more than a share ``limit`` of the ``expected`` rollouts of training step ``step`` raised.

    Args:
        errors: of each that did, see :func:`describe`.

    Raises:
        RolloutsFailed: with the most frequent error.
    """
    if len(errors) <= limit * expected:
        return
    (error, times), *_ = Counter(errors).most_common(1)
    raise RolloutsFailed(
        f"step {step}: {len(errors)} of {expected} rollouts failed, more than budget.failed_rollouts ({limit:.0%}) "
        f"allows; {times} of them with {error[:300]}. The last checkpoint is kept: run the same command to go on"
    )
