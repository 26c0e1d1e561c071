"""Who can reach the processes of a run: on one machine its own processes and users alone.

verl's policy server wants no key, TransferQueue unpickles what it receives, and torch's store and groups take orders
from whoever connects. Left alone, all of them listen on the machine's outer address. On one machine they listen on
loopback: most go by the address of Ray's node, the others by variables, and torch's store by a patch. On several
machines they have to reach each other, by the address that each one's Ray has, which has to be a private one.
"""

import importlib
import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

import psutil

from eapo_verl.settings.run import RunStopped

#: Of torch, that :func:`keep_store_on_loopback` was checked against.
CHECKED_TORCH = ("2.13.0", "2.11.0")
_ADDRESS, _INTERFACE = "127.0.0.1", "lo"
_VARIABLES = {
    # Ray's own switch, off by default on macOS and Windows: whether a node has another address than loopback. verl and
    # TransferQueue ask Ray for the address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "GLOO_SOCKET_IFNAME": _INTERFACE,
    "NCCL_SOCKET_IFNAME": _INTERFACE,
    "VLLM_HOST_IP": _ADDRESS,
}
#: verl's, of its Ray cluster: "local", or where the cluster is that somebody has started.
CLUSTER_KEY = "ray_kwargs.ray_init.address"


def on_one_machine(verl: Mapping[str, Any]) -> bool:
    """Whether a run starts a Ray cluster of its own, on this machine; ``verl`` are the experiment's dotted keys."""
    return verl.get(CLUSTER_KEY, "local") == "local"


def loopback_environment() -> dict[str, str]:
    """The variables for engines on one machine, to be set before Ray and torch are loaded; the user's own win."""
    return {name: os.environ.get(name, value) for name, value in _VARIABLES.items()}


def node_environment(address: str) -> dict[str, str]:
    """The variables for engines on one of several machines, which has this address; the user's own win.

    What they would find by themselves is the address of the machine's name, which may be one that others do not reach.
    """
    found = (name for name, ones in psutil.net_if_addrs().items() if address in [one.address for one in ones])
    interface = next(found, None)
    named = {} if interface is None else dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), interface)
    return {name: os.environ.get(name, value) for name, value in (named | {"VLLM_HOST_IP": address}).items()}


def check_nodes(addresses: Iterable[str], one_machine: bool) -> None:
    """Refuse to train where others than the run's own machines could reach it.

    Args:
        addresses: of the nodes of the run's Ray cluster.
        one_machine: whether the run has started it.

    Raises:
        RunStopped: one is not loopback, where the run is on one machine; or not private, where it is on several.
    """
    for address in addresses:
        found = ipaddress.ip_address(address.strip("[]"))
        if one_machine and not found.is_loopback:
            raise RunStopped(f"network: Ray's node has the address {address}: on one machine allowed is loopback")
        if not found.is_private:
            raise RunStopped(
                f"network: Ray's node {address} can be reached from outside, and whoever does runs code in the run: "
                "allowed are private addresses (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7)"
            )


def keep_store_on_loopback() -> None:
    """Have torch's store listen on loopback where that is where it is looked for.

    It listens on all addresses of the machine, whatever ``MASTER_ADDR`` says.

    Raises:
        RuntimeError: another release of torch is installed than this was checked against.
    """
    import torch

    # torch.distributed calls a function so, too.
    rendezvous: Any = importlib.import_module("torch.distributed.rendezvous")
    if torch.__version__.partition("+")[0] not in CHECKED_TORCH:
        raise RuntimeError(
            f"eapo_verl.engine.network: torch {torch.__version__} is installed, its patch is for "
            f"{', '.join(CHECKED_TORCH)}"
        )
    original = rendezvous.TCPStore

    def store(host_name: str, port: int, is_master: bool = False, **options: Any) -> Any:
        if is_master and host_name == _ADDRESS:
            # Of one rank nobody else has to find it, and the port that was chosen before may be somebody's by now.
            listener = socket.create_server((host_name, 0 if options.get("world_size") == 1 else port))
            port = listener.getsockname()[1]
            # torch closes it.
            options["master_listen_fd"] = listener.detach()
        return original(host_name=host_name, port=port, is_master=is_master, **options)

    rendezvous.TCPStore = store
