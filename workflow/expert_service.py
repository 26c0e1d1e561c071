"""Serve expert models with vLLM for as long as this process lives: a Snakemake service.

``python -m workflow.expert_service serve --expert NAME=MODEL_DIR:MAX_MODEL_LEN ... --endpoints FILE --log-dir DIR``
starts one ``vllm serve`` an expert on a free port of the loopback interface; it ends, with its servers, on SIGTERM or
when its parent dies. FILE says at once where each expert will be, ``{"name": {"base_url", "model"}}``: Snakemake waits
seconds for a service's file, and a failed service would leave it waiting for ever. So it is the consumer that waits, by
``python -m workflow.expert_service wait --endpoints FILE``, and fails, naming the expert, where one does not come up.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from eapo_verl.cpu_environment import cpu_environment
from workflow.processes import Identity, StopRequest, adopt_orphans, end_children, start

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

    def failure(self) -> str | None:
        """Why the server has ended, in one line; None while it runs."""
        status = self.process.poll()
        if status is None:
            return None
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        last = next((line for line in reversed(lines) if "Error" in line), lines[-1] if lines else "no output")
        return f"vllm serve ended with status {status}: {last[:200]} (log {self.log})"


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
        command += ["--enforce-eager", "--dtype", "float32", "--distributed-executor-backend", "uni"]
        # Seeded requests (the policy's queries are) fail on CPU where a prefill is chunked.
        command += ["--no-enable-prefix-caching", "--no-enable-chunked-prefill"]
    with log.open("w", encoding="utf-8") as file:
        return Server(name, port, log, start(command, file))


def on_cpu() -> bool:
    """Whether this machine has no NVIDIA device."""
    return not Path("/dev/nvidiactl").exists()


def answers(base_url: str) -> bool:
    """Whether the server behind an OpenAI-style ``base_url`` (".../v1") is up."""
    try:
        with urllib.request.urlopen(base_url.removesuffix("/v1") + "/health", timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def publish(path: Path, content: dict[str, dict[str, str]]) -> None:
    """Write the endpoints file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.rename(path)


def serve_all(arguments: argparse.Namespace) -> None:
    """Start the servers, say where they are, and watch them until this process is ended."""
    if on_cpu():
        os.environ |= cpu_environment(arguments.threads)
    parent = Identity.of(os.getppid())
    stop = StopRequest([parent] if parent is not None else [])
    adopt_orphans()
    try:
        servers = []
        for spec in arguments.expert:
            name, _, rest = spec.partition("=")
            model, _, length = rest.rpartition(":")
            servers.append(serve(name, Path(model), int(length), arguments.log_dir))
        endpoints = {server.name: {"base_url": server.base_url, "model": server.name} for server in servers}
        publish(arguments.endpoints, endpoints)
        while stop.reason() is None:
            for server in servers:
                failure = server.failure()
                if failure is not None and "failure" not in endpoints[server.name]:
                    endpoints[server.name]["failure"] = failure
                    publish(arguments.endpoints, endpoints)
            time.sleep(_POLL_S)
    finally:
        end_children(4.0)


def wait_for_all(path: Path, limit_s: float) -> None:
    """Return when every expert of an endpoints file answers.

    Raises:
        ServiceError: one has ended, or does not answer within ``limit_s`` seconds.
    """
    deadline = time.monotonic() + limit_s
    while True:
        endpoints = json.loads(path.read_text(encoding="utf-8"))
        for name, endpoint in endpoints.items():
            if "failure" in endpoint:
                raise ServiceError(f"expert {name}: {endpoint['failure']}")
        late = [name for name, endpoint in endpoints.items() if not answers(endpoint["base_url"])]
        if endpoints and not late:
            return
        if time.monotonic() > deadline:
            where = f"expert {late[0]} does not answer" if late else "the service does not start"
            raise ServiceError(f"{where}, {limit_s:.0f} s after it was asked to; endpoints file {path}")
        time.sleep(_POLL_S)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workflow.expert_service", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve")
    serving.add_argument("--expert", action="append", required=True, metavar="NAME=MODEL_DIR:MAX_MODEL_LEN")
    serving.add_argument("--log-dir", type=Path, required=True)
    serving.add_argument("--threads", type=int, default=1, help="of each server, on a CPU")
    waiting = commands.add_parser("wait")
    waiting.add_argument("--startup-s", type=float, required=True)
    for command in (serving, waiting):
        command.add_argument("--endpoints", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        if arguments.command == "serve":
            serve_all(arguments)
        else:
            wait_for_all(arguments.endpoints, arguments.startup_s)
    except ServiceError as error:
        print(f"expert service: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
