"""Where a run's weights go from its trainer to its rollout engine: through a socket that is this run's alone.

verl names the socket, in a folder of all users, by the id of the Ray job, which is the same in every local cluster: two
runs at once on a machine would take each other's, and hang, or roll out with each other's weights.
"""

import os
import secrets
from typing import Any

from verl.workers.rollout.base import _ROLLOUT_REGISTRY
from verl.workers.rollout.vllm_rollout import ServerAdapter
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

#: In the environment of each of a run's processes: what the names of its sockets begin with.
RUN_VARIABLE = "EAPO_RUN_SOCKETS"


def new_run() -> dict[str, str]:
    """The variable for the processes of a run, on whatever machine."""
    return {RUN_VARIABLE: secrets.token_hex(16)}


def own(handle: str) -> str:
    """The address of the socket, verl's ``handle``, for this process's run.

    Raises:
        KeyError: this is no process of a run.
    """
    folder, _, name = handle.rpartition("/")
    return f"{folder}/eapo-{os.environ[RUN_VARIABLE]}-{name}"


class RunServerAdapter(ServerAdapter):
    """verl's, the sending side."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zmq_handle: str = own(self.zmq_handle)


class RunWorkerExtension(vLLMColocateWorkerExtension):
    """verl's, the receiving side; named in ``rollout.engine_kwargs.vllm.worker_extension_cls``."""

    def _get_zmq_handle(self) -> str:
        return own(super()._get_zmq_handle())


def register() -> None:
    """Have verl take the sending side for its vLLM rollouts, by its registry."""
    _ROLLOUT_REGISTRY[("vllm", "async")] = f"{RunServerAdapter.__module__}.{RunServerAdapter.__name__}"
