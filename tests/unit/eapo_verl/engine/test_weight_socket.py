"""A run's weights go through a socket of its own."""

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
