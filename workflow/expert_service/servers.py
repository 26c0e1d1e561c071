"""``vllm serve`` processes: one an expert, or as many as it has replicas."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from eapo_verl.cpu.environment import cpu_environment, on_cpu
from eapo_verl.cpu.kv_cache import kv_cache_bytes
from eapo_verl.engine.network import loopback_environment
from workflow.expert_service.placement import DEVICES_VARIABLE
from workflow.expert_service.serving import Serving
from workflow.expert_service.state import ServiceError
from workflow.processes import start
from workflow.surroundings import python_path

#: Beside the interpreter, whatever PATH says.
VLLM = Path(sys.executable).with_name("vllm")
#: Of ours, which servers find by ``PYTHONPATH``.
_SEEDED = "eapo_verl.cpu.seeded_sampling.SeededWorkerExtension"
#: How much more printed (bytes), read (bytes) or computed (seconds of CPU) tells work from waiting.
_STEPS = (1, 2**20, 1.0)
_NOTHING = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class ExpertModel:
    """A model to be served: its name as an expert, its folder, and how."""

    name: str
    folder: Path
    serving: Serving

    @classmethod
    def parse(cls, text: str) -> "ExpertModel":
        """NAME=FOLDER:MAX_MODEL_LEN; raises ValueError for anything else."""
        name, _, rest = text.partition("=")
        folder, _, length = rest.rpartition(":")
        if not name or not folder:
            raise ValueError(text)
        return cls(name, Path(folder), Serving(max_model_len=int(length)))

    def __str__(self) -> str:
        return f"{self.name}={self.folder}:{self.serving.max_model_len}"


def vllm_command(program: Path, model: ExpertModel, host: str, port: int) -> list[str]:
    """The command that serves ``model``; a key, if there is one, is in its environment and never here."""
    length = model.serving.max_model_len
    command = [
        str(program), "serve", str(model.folder), "--served-model-name", model.name,
        "--host", host, "--port", str(port), "--max-model-len", str(length),
        "--disable-uvicorn-access-log",
    ]  # fmt: skip
    if on_cpu():
        command += ["--enforce-eager", "--dtype", "float32"]
        if model.serving.accelerators == 1:
            command += ["--distributed-executor-backend", "uni"]
        # Seeded requests (the policy's queries are) fail on CPU where a prefill is chunked.
        command += ["--no-enable-prefix-caching", "--no-enable-chunked-prefill"]
        command += ["--worker-extension-cls", _SEEDED]
        command += ["--kv-cache-memory-bytes", str(kv_cache_bytes(model.folder, length))]
    return command + model.serving.words()


class Server:
    """A server of one expert, which can be started more than once, always at the same address.

    Args:
        model: what it serves.
        replica: which one of the expert's it is, counted from 0.
        host: a name or address of this machine, to listen on.
        log_dir: the folder of its log.
        program: ``vllm``.
        devices: the accelerators that it is to see, by their names; None: as this process does.

    Raises:
        ServiceError: there is no model, or ``host`` is none of this machine's.
    """

    def __init__(
        self,
        model: ExpertModel,
        replica: int,
        host: str,
        log_dir: Path,
        program: Path,
        devices: Sequence[str] | None = None,
    ) -> None:
        if not (model.folder / "config.json").exists():
            raise ServiceError(f"expert {model.name}: {model.folder} holds no model (config.json is missing)")
        self.model, self.replica = model, replica
        self.label = f"expert {model.name}" + (f" (replica {replica + 1})" if replica else "")
        self.log = log_dir / (f"{model.name}.{replica + 1}.log" if replica else f"{model.name}.log")
        self._devices = {} if devices is None else {DEVICES_VARIABLE: ",".join(devices)}
        # Bound and never listened on: keeps the port from everybody but the server, which sets the same option.
        self._reservation = socket.socket()
        self._reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._reservation.bind((host, 0))
        except OSError as error:
            raise ServiceError(f"{self.label}: {host!r} is nothing to listen on here: {error}") from error
        self._host, self._port = host, self._reservation.getsockname()[1]
        self._program = program
        self._process: subprocess.Popen | None = None
        self._seen: tuple[float, ...] = _NOTHING
        self._seen_at = 0.0
        log_dir.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)

    @property
    def base_url(self) -> str:
        """The address of its OpenAI-style API."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    def start(self, env: Mapping[str, str]) -> None:
        """Start it, or start it again; returns at once."""
        with self.log.open("a", encoding="utf-8") as file:
            command = vllm_command(self._program, self.model, self._host, self._port)
            self._process = start(command, file, env={**env, **self._devices})
        self._seen, self._seen_at = _NOTHING, time.monotonic()

    def ending(self) -> str | None:
        """How the process has ended, in one line; None while it runs."""
        assert self._process is not None
        status = self._process.poll()
        if status is None:
            return None
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        last = next((line for line in reversed(lines) if "Error" in line), lines[-1] if lines else "no output")
        return f"{self.label}: vllm serve ended with status {status}: {last[:200]} (log {self.log})"

    def stalled_s(self) -> float:
        """Seconds since it last showed, to this method, that it works: printed or read something, or used some CPU."""
        seen = self._work()
        if any(now >= before + step for now, before, step in zip(seen, self._seen, _STEPS, strict=True)):
            self._seen, self._seen_at = seen, time.monotonic()
        return time.monotonic() - self._seen_at

    def _work(self) -> tuple[float, ...]:
        """What it has done up to now: bytes printed, bytes read, seconds of CPU."""
        read, cpu_s = 0, 0.0
        try:
            process = psutil.Process(self.pid)
            for each in [process, *process.children(recursive=True)]:
                read += each.io_counters().read_chars
                cpu_s += sum(each.cpu_times()[:2])
        except psutil.Error:  # one of them has ended meanwhile: next time
            return self._seen
        return self.log.stat().st_size, read, cpu_s


def server_environment(threads: int, key: str | None) -> dict[str, str]:
    """The environment of the servers; ``key`` is what they will want from every request."""
    env = os.environ | loopback_environment() | (cpu_environment(threads) if on_cpu() else {})
    # Would be taken instead of the size that the command line gives.
    env.pop("VLLM_CPU_KVCACHE_SPACE", None)
    env["PYTHONPATH"] = python_path()
    return env | ({"VLLM_API_KEY": key} if key is not None else {})
