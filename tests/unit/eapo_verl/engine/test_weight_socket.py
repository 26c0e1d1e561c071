"""A run's weights go through a socket of its own, and not to an engine that takes none."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.engine  # imports verl


def test_both_sides_of_a_run_name_one_socket_and_another_run_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from verl.workers.rollout.base import get_rollout_class
    from verl.workers.rollout.vllm_rollout import ServerAdapter
    from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

    from eapo_verl.cpu.vllm_worker import CPUWorkerExtension
    from eapo_verl.engine import weight_socket, worker_process  # noqa: F401 (registers)

    verls = "ipc:///tmp/rl-colocate-zmq-01000000-replica-0-rank-0.sock"

    def sender(self: Any) -> None:
        self.zmq_handle = verls

    monkeypatch.setattr(ServerAdapter, "__init__", sender)
    monkeypatch.setattr(vLLMColocateWorkerExtension, "_get_zmq_handle", lambda self: verls)
    names = set()
    for _ in range(2):
        monkeypatch.setenv(weight_socket.RUN_VARIABLE, weight_socket.new_run()[weight_socket.RUN_VARIABLE])
        sends = get_rollout_class("vllm")().zmq_handle
        assert sends == object.__new__(weight_socket.RunWorkerExtension)._get_zmq_handle()
        assert sends.startswith("ipc:///tmp/") and len(sends) < len("ipc://") + 107  # the longest name of a socket
        names.add(sends)
    assert len(names) == 2
    assert issubclass(CPUWorkerExtension, weight_socket.RunWorkerExtension)
    monkeypatch.delenv(weight_socket.RUN_VARIABLE)
    with pytest.raises(KeyError):
        weight_socket.own(verls)


def test_an_engine_that_takes_no_weights_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import zmq
    from verl.workers.rollout.vllm_rollout import ServerAdapter

    from eapo_verl.engine import weight_socket

    def sender(self: Any) -> None:
        self.zmq_handle = f"ipc://{tmp_path}/verls.sock"
        self.use_shm = True
        self.config = SimpleNamespace(checkpoint_engine=SimpleNamespace(update_weights_bucket_megabytes=1))

    async def nobody(self: Any, *args: Any, **kwargs: Any) -> None:
        """In place of the engine's worker."""

    monkeypatch.setattr(ServerAdapter, "__init__", sender)
    monkeypatch.setattr(ServerAdapter, "_execute_method", nobody)
    monkeypatch.setattr(weight_socket, "ANSWER_S", 0.2)
    monkeypatch.setenv(weight_socket.RUN_VARIABLE, "one")
    context = zmq.Context.instance()
    before = {option: context.getsockopt(option) for option in (zmq.SNDTIMEO, zmq.RCVTIMEO, zmq.LINGER)}
    try:
        with pytest.raises(RuntimeError, match="took no weights"):
            asyncio.run(weight_socket.RunServerAdapter().update_weights(iter(())))
    finally:
        for option, value in before.items():
            context.setsockopt(option, value)
