"""What is between us and an expert: the environment's proxies, and certificates."""

import os
import subprocess
import sys

import pytest
from yarl import URL

from eapo_verl.experts.http import environment_proxy
from eapo_verl.experts.pool import ExpertPool
from tests import ROOT
from tests.expert_pool import ask, endpoint
from tests.expert_server import ExpertServer

ASKING = """
import asyncio, sys
from eapo_verl.experts.pool import ExpertPool
from eapo_verl.settings.base import Endpoint

async def ask():
    async with ExpertPool([Endpoint.model_validate_json(sys.argv[1])]) as pool:
        print((await pool.ask(["echo 1"]))[0].text)

asyncio.run(ask())
"""


def set_proxies(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
        if name in variables:
            monkeypatch.setenv(name, variables[name])


def test_a_proxy_of_the_environment_is_between_us_and_others_but_not_this_machine(
    server: ExpertServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExpertServer() as proxy:
        set_proxies(monkeypatch, http_proxy=proxy.base_url.removesuffix("/v1"))
        assert ask([endpoint(server.base_url)], ["echo 1"])[0].text == "1" and not proxy.received
        assert ask([endpoint("http://expert.invalid/v1")], ["echo 2"])[0].text == "2"
    assert proxy.received[0].startswith(b"POST http://expert.invalid/v1/chat/completions")


HERE = ("127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "x.localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]")
HERE += ("127.1", "0x7f000001", "2130706433", "ip6-localhost", "localhost.localdomain")


@pytest.mark.parametrize("host", HERE)
def test_no_proxy_is_between_us_and_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    set_proxies(monkeypatch, http_proxy="http://127.0.0.1:9", all_proxy="socks5://127.0.0.1:9", no_proxy="localhost")
    assert environment_proxy(URL(f"http://{host}:8000/v1")) is None


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({"https_proxy": "http://p:1", "all_proxy": "socks5://q:2"}, "http://p:1"),
        ({"https_proxy": "p:1"}, "http://p:1"),
        ({"http_proxy": "http://p:1"}, None),
        ({"all_proxy": "http://p:1"}, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "other.example,expert.example"}, None),
        ({"https_proxy": "http://p:1", "no_proxy": "expert.example:443"}, None),
        ({"all_proxy": "socks5://q:2", "no_proxy": "*"}, None),
        ({"https_proxy": ""}, None),
    ],
)
def test_the_environment_s_proxy_is_that_of_the_scheme_or_of_all(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], proxy: str | None
) -> None:
    set_proxies(monkeypatch, **variables)
    assert environment_proxy(URL("https://expert.example/v1")) == proxy


@pytest.mark.parametrize("proxy", ["socks5://u:secret@q:2", "socks5h://q:2", "ftp://u:secret@q"])
def test_a_proxy_that_cannot_be_used_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    set_proxies(monkeypatch, all_proxy=proxy)
    with pytest.raises(ValueError, match=r"proxy for https://expert\.example is not http://host:port") as caught:
        ExpertPool([endpoint("https://expert.example/v1")])
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_certificates_that_are_not_there_are_of_no_concern_to_this_machine(server: ExpertServer) -> None:
    """In a process of its own: certificates are read as the client is imported."""
    expert = endpoint(server.base_url).model_dump_json()
    environment = os.environ | {"SSL_CERT_FILE": "/nonexistent/ca.pem", "all_proxy": "socks5://127.0.0.1:9"}
    run = subprocess.run(
        [sys.executable, "-c", ASKING, expert], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (run.stdout, run.returncode) == ("1\n", 0), run.stderr
