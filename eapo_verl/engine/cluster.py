"""A Ray cluster of several machines for one run, formed in the job of Slurm's that the run is in, and gone with it.

Each machine runs ``ray start``, the first one, where the run itself is, as the head, the others by one ``srun``. Ray's
own ``ray symmetric-run`` is not used: it ends with 0 where it could not start anything, and stops every Ray of its user
on a machine, those of other runs, too.
"""

import contextlib
import functools
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eapo_verl.cpu.parent_death import die_with_parent
from eapo_verl.engine.network import node_environment
from eapo_verl.settings.run import RunError, RunStopped

#: Of verl's task runner in the cluster, by which it is found.
RUNNER = "eapo_task_runner"
#: Beside the interpreter, whatever PATH says.
_RAY = Path(sys.executable).with_name("ray")
#: Of this machine alone, and one that is on no machine of the network: the way there is the default route.
_LOOPBACK, _OUTSIDE = "127.0.0.1", "8.8.8.8"
#: Keys of ``ray.init`` that are each machine's own, and one that is the head's.
_OF_A_MACHINE, _OF_THE_HEAD = ("num_cpus", "num_gpus", "object_store_memory"), ("include_dashboard",)
#: Seconds for all machines to be there (Slurm has given them all before the run begins), between looks at them, and for
#: ``ray start`` to end what it has started.
_FORMED_WITHIN_S, _LOOK_S, _END_S = 300.0, 2.0, 10.0
#: Seconds in which Ray notices a machine that does not answer (five missed looks of three seconds), and some more.
_NOTICED_WITHIN_S = 30.0


def check_job(nodes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Check that there may be other machines than this one.

    Raises:
        RunError: several are asked for, and this is no job of Slurm's.
    """
    if nodes > 1 and "SLURM_JOB_ID" not in environment:
        raise RunError(f"resources.training_nodes: {nodes} are had in a job of Slurm's alone, which this is not")


@contextlib.contextmanager
def formed(nodes: int, ray_init: Mapping[str, Any]) -> Iterator[str]:
    """A cluster of so many machines; yields its address, ``HOST:PORT``.

    Its processes have the environment of this one, and with it the token that Ray wants from whoever connects.

    Args:
        nodes: this machine and others of its job.
        ray_init: arguments of ``ray.init``; what is a machine's own of them, each machine gets.

    Raises:
        RunStopped: the machines are not there in time, or one ends before.
    """
    host = _address_of_this_machine()
    with socket.create_server((host, 0)) as unused:
        port = unused.getsockname()[1]
    address = f"{host}:{port}"
    own, heads = _options(ray_init, _OF_A_MACHINE), _options(ray_init, _OF_THE_HEAD)
    head = [str(_RAY), *_start(host), "--head", f"--port={port}", *own, *heads]
    others = ["srun", "--overlap", "--export=ALL", "--cpu-bind=none", "--kill-on-bad-exit=1", "--relative=1"]
    others += [f"--nodes={nodes - 1}", f"--ntasks={nodes - 1}", sys.executable, "-m", __name__, address, *own]
    running: dict[str, subprocess.Popen] = {}
    try:
        running["ray start"] = _run(head, os.environ | node_environment(host))
        _until(lambda: _answers(host, port), running, f"Ray's head does not answer at {address}")
        running["srun"] = _run(others, os.environ)
        with _joined(address) as alive:
            _until(lambda: alive() >= nodes, running, f"fewer than {nodes} machines have joined {address}")
        print(f"start-up: a cluster of {nodes} machines", flush=True)
        yield address
    finally:
        for process in reversed(running.values()):
            process.terminate()
        for process in running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
            process.kill()


def joining(ray_init: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Arguments of ``ray.init`` for a cluster that is there; Ray refuses those which its machines were started with."""
    kept = {key: value for key, value in ray_init.items() if key not in (*_OF_A_MACHINE, *_OF_THE_HEAD)}
    return kept | {"address": address}


class Watch:
    """Ends verl's task runner where a machine is lost: what waits for it there would wait for ever."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def notices(self) -> bool:
        """Whether a machine is lost, which Ray notices some seconds after what ran there has failed."""
        self._thread.join(_NOTICED_WITHIN_S)
        return bool(self.lost)

    def _look(self) -> None:
        import ray

        while not self._over.wait(_LOOK_S):
            if not ray.is_initialized():
                continue
            self.lost = [node["NodeManagerAddress"] for node in ray.nodes() if not node["Alive"]]
            if self.lost:
                with contextlib.suppress(ValueError):
                    # It may have ended already.
                    ray.kill(ray.get_actor(RUNNER))
                return


def _options(ray_init: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    given = {key: ray_init[key] for key in keys if ray_init.get(key) is not None}
    return [f"--{key.replace('_', '-')}={value}" for key, value in given.items()]


def _start(host: str) -> list[str]:
    """Of ``ray start``, on any machine: ports that no other run on it has, and an end with this process."""
    ports = ["--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"]
    return ["start", "--block", "--disable-usage-stats", f"--node-ip-address={host}", *ports]


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen:
    dies = functools.partial(die_with_parent, signal.SIGTERM, os.getpid())
    try:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=dies)
    except OSError as error:
        raise RunStopped(f"cluster: {command[0]}: {error.strerror}") from error


def _until(condition: Callable[[], bool], running: Mapping[str, subprocess.Popen], failure: str) -> None:
    deadline = time.monotonic() + _FORMED_WITHIN_S
    while not condition():
        for name, process in running.items():
            if process.poll() is not None:
                raise RunStopped(
                    f"cluster: {name} ended with status {process.returncode}, for the reason above; the machines have "
                    "to reach each other by the address of the first one's name"
                )
        if time.monotonic() > deadline:
            raise RunStopped(f"cluster: {failure} within {_FORMED_WITHIN_S:.0f} s")
        time.sleep(0.5)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _joined(address: str) -> Iterator[Callable[[], int]]:
    """Join the cluster for a while; yields what tells how many machines there are."""
    import ray

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        yield lambda: sum(node["Alive"] for node in ray.nodes())
    finally:
        ray.shutdown()


def _address_of_this_machine() -> str:
    """That of its name, by which the experts' servers are reached, too; where only itself knows it so, of its route."""
    try:
        named = socket.gethostbyname(socket.gethostname())
    except OSError:
        named = _LOOPBACK
    if not ipaddress.ip_address(named).is_loopback:
        return named
    try:
        return _address_towards(_OUTSIDE)
    except OSError:
        return named


def _address_towards(host: str) -> str:
    """That of this machine in the network in which ``host`` is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        # Sends nothing.
        asked.connect((host, 9))
        return str(asked.getsockname()[0])


def main() -> None:
    """What ``srun`` runs on each other machine: ``python -m eapo_verl.engine.cluster HOST:PORT OPTION ...``."""
    address, *options = sys.argv[1:]
    own = _address_towards(address.rpartition(":")[0])
    os.environ |= node_environment(own)
    os.execv(_RAY, [str(_RAY), *_start(own), f"--address={address}", *options])


if __name__ == "__main__":
    main()
