"""Who can reach a run."""

import socket
import subprocess
import sys

import psutil
import pytest

from eapo_verl.engine.network import CHECKED_TORCH, check_nodes, loopback_environment, node_environment, on_one_machine
from eapo_verl.settings.run import RunStopped
from tests.listening import exposed, listening

#: Two processes that meet at torch's store on loopback, a port that the first one is told; they say so and wait.
MEETING = """
import os, sys, torch
from torch.distributed import rendezvous
rank, port, patched = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "patched"
if patched:
    from eapo_verl.engine.network import keep_store_on_loopback, loopback_environment
    os.environ |= loopback_environment()
    keep_store_on_loopback()
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": str(rank), "WORLD_SIZE": "2"}
torch.distributed.init_process_group("gloo")
total = torch.ones(1)
torch.distributed.all_reduce(total)
print(int(total), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def meeting(patched: bool, port: int) -> tuple[set[str], set[str]]:
    """The addresses on which two processes listen that have met, and those of them that are exposed."""
    words = [str(port), "patched" if patched else "as it comes"]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([sys.executable, "-c", MEETING, str(rank), *words], stdin=pipe, stdout=pipe, text=True)
        for rank in range(2)
    ]
    try:
        assert [one.stdout.readline() for one in running if one.stdout] == ["2\n", "2\n"]
        found = [psutil.Process(one.pid) for one in running]
        return listening(found), exposed(found)
    finally:
        for one in running:
            one.communicate()


@pytest.mark.engine  # imports torch, twice
def test_torchs_store_and_groups_listen_on_loopback_alone(unused_port: int) -> None:
    listened, outside = meeting(True, unused_port)
    assert listened and outside == set()


@pytest.mark.engine  # imports torch
def test_one_rank_meets_itself_whoever_has_taken_its_port_meanwhile() -> None:
    alone = MEETING.replace('"WORLD_SIZE": "2"', '"WORLD_SIZE": "1"')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["0", str(taken.getsockname()[1]), "patched"]
        made = subprocess.run([sys.executable, "-c", alone, *words], input="", stdout=subprocess.PIPE, text=True)
    assert made.stdout == "1\n"


@pytest.mark.engine  # imports torch, twice
def test_by_itself_torchs_store_listens_on_every_address(unused_port: int) -> None:
    assert meeting(False, unused_port)[1]


def test_a_release_of_torch_that_nobody_looked_at_is_not_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from eapo_verl.engine.network import keep_store_on_loopback

    assert torch.__version__.partition("+")[0] in CHECKED_TORCH
    monkeypatch.setattr(torch, "__version__", "9.9.9+cpu")
    with pytest.raises(RuntimeError, match=r"torch 9\.9\.9\+cpu is installed, its patch is for 2\."):
        keep_store_on_loopback()


def test_a_users_own_choice_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NCCL_SOCKET_IFNAME", raising=False)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth7")
    made = loopback_environment()
    assert made["GLOO_SOCKET_IFNAME"] == "eth7" and made["NCCL_SOCKET_IFNAME"] == "lo"


def test_of_several_machines_each_goes_by_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "VLLM_HOST_IP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "ib0")
    assert node_environment("127.0.0.1") == {
        "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "ib0", "VLLM_HOST_IP": "127.0.0.1",
    }  # fmt: skip
    assert node_environment("192.0.2.200") == {"VLLM_HOST_IP": "192.0.2.200"}


def test_a_run_is_on_one_machine_unless_it_joins_a_cluster() -> None:
    assert on_one_machine({}) and on_one_machine({"ray_kwargs.ray_init.address": "local"})
    assert not on_one_machine({"ray_kwargs.ray_init.address": "auto"})


@pytest.mark.parametrize(
    ("addresses", "one_machine"),
    [(["127.0.0.1"], True), (["[::1]"], True), (["10.1.2.3", "192.168.7.1"], False), (["fd00::7"], False)],
)
def test_machines_that_nobody_else_reaches_may_train(addresses: list[str], one_machine: bool) -> None:
    check_nodes(addresses, one_machine)


@pytest.mark.parametrize(
    ("addresses", "one_machine", "said"),
    [
        (["10.1.2.3"], True, r"^network: Ray's node has the address 10\.1\.2\.3: on one machine allowed is loopback$"),
        (
            ["10.1.2.3", "8.8.8.8"],
            False,
            r"^network: Ray's node 8\.8\.8\.8 can be reached .*: allowed are ",
        ),
        (["2001:4860:4860::8888"], False, "can be reached from outside"),
    ],
)
def test_others_are_refused_in_one_line(addresses: list[str], one_machine: bool, said: str) -> None:
    with pytest.raises(RunStopped, match=said):
        check_nodes(addresses, one_machine)
