"""Serve expert models with vLLM for as long as this process lives: a Snakemake service.

``python -m workflow.expert_service --expert NAME=MODEL_DIR:MAX_MODEL_LEN ... --ready FILE --log-dir DIR`` starts one
``vllm serve`` an expert on a free port of the loopback interface. When all answer, FILE says where:
``{"name": {"base_url": ..., "model": ...}}``. Ends, with its servers, on SIGTERM, or when its parent dies.
"""

import argparse
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from workflow.processes import adopt_orphans, die_with_parent, end_children, start

_POLL_S = 0.25


class ServiceError(Exception):
    """Why an expert cannot be served, in one line."""


@dataclass(frozen=True)
class Server:
    """A ``vllm serve`` process."""

    name: str
    port: int
    log: Path
    process: subprocess.Popen

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def answers(self) -> bool:
        """Whether the server is up.

        Raises:
            ServiceError: its process has ended.
        """
        status = self.process.poll()
        if status is not None:
            lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
            last = next((line for line in reversed(lines) if "Error" in line), lines[-1] if lines else "no output")
            raise ServiceError(f"expert {self.name}: vllm serve ended with status {status}: {last[:200]}; log {self.log}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(name: str, model: Path, max_model_len: int, log_dir: Path) -> Server:
    """Start the server of one expert; returns at once.

    Raises:
        ServiceError: ``model`` is no checkpoint.
    """
    if not (model / "config.json").exists():
        raise ServiceError(f"expert {name}: {model} holds no model (config.json is missing)")
    port, log = free_port(), log_dir / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        str(Path(sys.executable).with_name("vllm")), "serve", str(model), "--served-model-name", name,
        "--host", "127.0.0.1", "--port", str(port), "--max-model-len", str(max_model_len),
        "--disable-uvicorn-access-log",
    ]  # fmt: skip
    if on_cpu():
        command += ["--enforce-eager", "--dtype", "float32", "--no-enable-prefix-caching"]
    with log.open("w", encoding="utf-8") as file:
        return Server(name, port, log, start(command, file))


def on_cpu() -> bool:
    """Whether vLLM is installed in its build for CPUs."""
    return importlib.util.find_spec("vllm") is not None and not Path("/dev/nvidiactl").exists()


def wait_until_ready(servers: list[Server], limit_s: float) -> None:
    """Return when every server answers.

    Raises:
        ServiceError: one has ended, or does not answer within ``limit_s`` seconds.
    """
    deadline = time.monotonic() + limit_s
    waiting = list(servers)
    while waiting:
        waiting = [server for server in waiting if not server.answers()]
        if waiting and time.monotonic() > deadline:
            late = waiting[0]
            raise ServiceError(f"expert {late.name}: no answer on port {late.port} after {limit_s:.0f} s; log {late.log}")
        time.sleep(_POLL_S)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workflow.expert_service", description=__doc__)
    parser.add_argument("--expert", action="append", required=True, metavar="NAME=MODEL_DIR:MAX_MODEL_LEN")
    parser.add_argument("--ready", type=Path, required=True)
    parser.add_argument("--log-dir", type=Path, required=True)
    parser.add_argument("--startup-s", type=float, default=60.0)
    arguments = parser.parse_args()
    # Small models on few cores: one thread each, and a cache of 1 GiB instead of half the memory.
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    if on_cpu():
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    die_with_parent()
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        servers = []
        for spec in arguments.expert:
            name, _, rest = spec.partition("=")
            model, _, length = rest.rpartition(":")
            servers.append(serve(name, Path(model), int(length), arguments.log_dir))
        wait_until_ready(servers, arguments.startup_s)
        ready = {server.name: {"base_url": server.base_url, "model": server.name} for server in servers}
        arguments.ready.parent.mkdir(parents=True, exist_ok=True)
        partial = arguments.ready.with_suffix(".partial")
        partial.write_text(json.dumps(ready), encoding="utf-8")
        partial.rename(arguments.ready)
        print(f"progress: experts are up: {', '.join(ready)}", file=sys.stderr, flush=True)
        while True:
            for server in servers:
                server.answers()
            time.sleep(2.0)
    except ServiceError as error:
        print(f"expert service: {error}", file=sys.stderr)
        return 1
    finally:
        end_children()
    return 0


if __name__ == "__main__":
    sys.exit(main())
