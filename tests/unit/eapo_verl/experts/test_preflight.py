"""Experts that are down, misnamed or without a key are named before any engine starts."""

import json
import subprocess
import sys
import time

import pytest

from eapo_verl.experts.api_keys import read_api_key
from eapo_verl.experts.preflight import ExpertsUnreachable, preflight
from eapo_verl.settings.base import Endpoint
from tests.expert_server import ExpertServer

NOBODY = "http://127.0.0.1:9/v1"


def endpoint(base_url: str, name: str = "a", **fields: object) -> Endpoint:
    return Endpoint(name=name, base_url=base_url, **({"model": "m"} | fields))


def test_experts_that_are_up_pass(server: ExpertServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERT_KEY", "sk-1")
    preflight([endpoint(server.base_url, api_key_env="EXPERT_KEY"), endpoint(server.base_url + "/", "b")])
    assert any(request.startswith(b"GET /v1/models") and b"Bearer sk-1" in request for request in server.received)


def test_an_expert_that_is_down_is_named_in_one_line(server: ExpertServer) -> None:
    with pytest.raises(ExpertsUnreachable) as caught:
        preflight([endpoint(server.base_url), endpoint(NOBODY, "far"), endpoint(NOBODY, "farther")])
    assert str(caught.value) == (
        f"expert far at {NOBODY}: cannot be reached (ConnectionRefusedError); "
        f"expert farther at {NOBODY}: cannot be reached (ConnectionRefusedError)"
    )


def test_an_expert_that_hangs_is_named_in_time(server: ExpertServer) -> None:
    server.mood = "slow"
    begun = time.monotonic()
    with pytest.raises(ExpertsUnreachable, match=r"expert a at http.*: no answer within 0\.3 s"):
        preflight([endpoint(server.base_url)], timeout_s=0.3)
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable(
    server: ExpertServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("EXPERT_KEY", "sk-secret")
    server.models_status, server.models = status, b'{"error": {"message": "bad key sk-secret"}}'
    with pytest.raises(
        ExpertsUnreachable, match=rf"key in environment variable EXPERT_KEY \(HTTP {status}\)"
    ) as caught:
        preflight([endpoint(server.base_url, api_key_env="EXPERT_KEY")])
    assert "sk-secret" not in repr(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ExpertsUnreachable, match=rf"wants a key \(HTTP {status}\)"):
        preflight([endpoint(server.base_url)])


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (500, b"x"), (200, b"<html>"), (200, b'{"data": []}'), (200, b'{"data": [1]}')]
)
def test_a_server_without_a_list_of_models_counts_as_up(server: ExpertServer, status: int, body: bytes) -> None:
    server.models_status, server.models = status, body
    preflight([endpoint(server.base_url)])


def test_a_server_that_has_moved_is_named(server: ExpertServer) -> None:
    server.models_status = 308
    with pytest.raises(ExpertsUnreachable, match=r"HTTP 308\): give the address where it answers itself$"):
        preflight([endpoint(server.base_url)])


def test_a_list_of_models_without_end_is_named(server: ExpertServer) -> None:
    server.models = b" " * 18 * 2**20
    with pytest.raises(ExpertsUnreachable, match=r"cannot be read \(body too large\)$"):
        preflight([endpoint(server.base_url)])


def test_a_model_that_is_not_offered_is_named_with_some_that_are(server: ExpertServer) -> None:
    server.models = json.dumps({"data": [{"id": name} for name in ("m1", "two\nlines", "m3", "m4")]}).encode()
    with pytest.raises(
        ExpertsUnreachable, match=r"does not offer model 'm'; it offers 4: 'm1', 'two.*', 'm3'$"
    ) as caught:
        preflight([endpoint(server.base_url)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "is not set"), (" \n", "is not set"), ("sk-schlüssel", "printable ASCII"), ("sk\n1", "printable ASCII")],
)
def test_a_missing_or_broken_key_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None, message: str) -> None:
    if value is None:
        monkeypatch.delenv("EXPERT_KEY", raising=False)
    else:
        monkeypatch.setenv("EXPERT_KEY", value)
    keyed = endpoint(NOBODY, api_key_env="EXPERT_KEY")
    for check in (lambda: preflight([keyed]), lambda: read_api_key(keyed)):
        with pytest.raises(ValueError, match=f"expert a: environment variable EXPERT_KEY .*{message}") as caught:
            check()
        assert "sk" not in str(caught.value)


def test_a_key_is_stripped_and_an_open_server_gets_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERT_KEY", "sk-1\n")
    assert read_api_key(endpoint(NOBODY, api_key_env="EXPERT_KEY")) == "sk-1"
    assert read_api_key(endpoint(NOBODY)) == "none"


def test_checking_keys_does_not_load_the_client() -> None:
    code = "import sys, eapo_verl.experts.api_keys, eapo_verl.settings.base; assert not {'aiohttp'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
