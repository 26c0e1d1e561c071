"""Where a run's weights go from its trainer to its rollout engine: through a socket that is this run's alone.

verl names the socket, in a folder of all users, by the id of the Ray job, which is the same in every local cluster: two
runs at once on a machine would take each other's, and hang, or roll out with each other's weights.
"""

import os
import secrets
from typing import Any

import zmq
from verl.workers.rollout.base import _ROLLOUT_REGISTRY
from verl.workers.rollout.vllm_rollout import ServerAdapter
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

#: In the environment of each of a run's processes: what the names of its sockets begin with.
RUN_VARIABLE = "EAPO_RUN_SOCKETS"
#: Seconds that the engine has to take a bucket of weights, which is half a gigabyte. Our choice.
ANSWER_S = 600.0


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
    """verl's, the sending side.

    verl waits for the engine without a limit, in its event loop: a run whose engine fails while it takes weights would
    hang for ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zmq_handle: str = own(self.zmq_handle)
        # No other socket of verl is of this context. What is unsent when one is closed is dropped: it would not close.
        context = zmq.Context.instance()
        for option in (zmq.SNDTIMEO, zmq.RCVTIMEO):
            context.setsockopt(option, int(1000 * ANSWER_S))
        context.setsockopt(zmq.LINGER, 0)

    async def update_weights(self, *args: Any, **kwargs: Any) -> None:
        """verl's; raises RuntimeError where the engine does not take the weights in time."""
        try:
            await super().update_weights(*args, **kwargs)
        except zmq.Again as error:
            raise RuntimeError(f"the rollout engine took no weights for {ANSWER_S:.0f} s; has it failed?") from error


class RunWorkerExtension(vLLMColocateWorkerExtension):
    """verl's, the receiving side; named in ``rollout.engine_kwargs.vllm.worker_extension_cls``."""

    def _get_zmq_handle(self) -> str:
        return own(super()._get_zmq_handle())


def register() -> None:
    """Have verl take the sending side for its vLLM rollouts, by its registry."""
    _ROLLOUT_REGISTRY[("vllm", "async")] = f"{RunServerAdapter.__module__}.{RunServerAdapter.__name__}"
