"""The names of rollouts and their rows. Pure functions.

verl names a row ``prompt_rollout_output``: an agent loop may return several outputs, the last of which is the rollout.
"""

from collections.abc import Sequence


def prompt_of(key: str) -> str:
    """The name of the prompt that a row belongs to."""
    return key.rsplit("_", 2)[0]


def rollout_of(key: str) -> str:
    """The name of the rollout that a row belongs to, ``prompt_rollout``."""
    return key.rpartition("_")[0]


def final_outputs(keys: Sequence[str]) -> list[str]:
    """The keys of the rollouts themselves, in order: of each rollout's outputs the last one."""
    last: dict[str, int] = {}
    for key in keys:
        last[rollout_of(key)] = max(last.get(rollout_of(key), 0), int(key.rpartition("_")[2]))
    return [key for key in keys if int(key.rpartition("_")[2]) == last[rollout_of(key)]]


def groups(keys: Sequence[str]) -> list[list[str]]:
    """The keys of each prompt's rows, in order."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(prompt_of(key), []).append(key)
    return list(found.values())


def submission_order(key: str) -> tuple[str, int, int]:
    """A sort key for the names of rows: the order in which rollouts were asked for."""
    prompt, rollout, output = key.rsplit("_", 2)
    return prompt, int(rollout), int(output)
