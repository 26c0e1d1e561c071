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
    sent = [request.partition(b" HTTP/")[0] for request in server.received_before if b"Bearer sk-1" in request]
    assert sorted(sent) == [b"GET /v1/models", b"POST /v1/chat/completions"] and not server.received


def test_an_expert_that_is_down_is_named_in_one_line(server: ExpertServer) -> None:
    with pytest.raises(ExpertsUnreachable) as caught:
        preflight([endpoint(server.base_url), endpoint(NOBODY, "far"), endpoint(NOBODY, "farther")])
    assert str(caught.value) == (
        f"expert far at {NOBODY}: cannot be reached (ConnectionRefusedError); "
        f"expert farther at {NOBODY}: cannot be reached (ConnectionRefusedError)"
    )


def test_a_server_that_is_down_beside_another_of_its_expert_is_a_warning(
    server: ExpertServer, caplog: pytest.LogCaptureFixture
) -> None:
    preflight([endpoint(NOBODY, replica_urls=(server.base_url,))])
    assert [record.message.startswith(f"expert a at {NOBODY}: cannot be reached") for record in caplog.records] == [
        True
    ]
    with pytest.raises(ExpertsUnreachable, match=r"expert a at .* cannot be reached"):
        preflight([endpoint(NOBODY, replica_urls=(NOBODY,))])


def test_an_expert_that_hangs_is_named_in_time(server: ExpertServer) -> None:
    server.mood = "slow"
    begun = time.monotonic()
    with pytest.raises(ExpertsUnreachable, match=r"expert a at http.*: no answer within 0\.3 s"):
        preflight([endpoint(server.base_url)], timeout_s=0.3)
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("listed", [True, False])
def test_a_refused_key_is_named_by_its_variable(
    server: ExpertServer, monkeypatch: pytest.MonkeyPatch, status: int, listed: bool
) -> None:
    monkeypatch.setenv("EXPERT_KEY", "sk-secret")
    server.mood = f"status {status}"
    if not listed:
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


@pytest.mark.parametrize("status", [401, 403, 308, 500])
def test_a_list_that_is_refused_is_of_no_account_where_queries_are_answered(server: ExpertServer, status: int) -> None:
    server.models_status = status
    preflight([endpoint(server.base_url)])


@pytest.mark.parametrize("mood", ["slow", "reset"])
def test_a_list_that_never_comes_is_of_no_account_either(server: ExpertServer, mood: str) -> None:
    server.models_mood = mood
    preflight([endpoint(server.base_url)], timeout_s=0.5)


@pytest.mark.parametrize(("status", "said"), [(401, "wants a key"), (308, "sends its visitors elsewhere")])
def test_where_no_query_comes_through_the_list_says_why(server: ExpertServer, status: int, said: str) -> None:
    server.models_status, server.mood = status, "reset"
    with pytest.raises(ExpertsUnreachable, match=rf"{said} \(HTTP {status}\)"):
        preflight([endpoint(server.base_url)])


NO_ROUTE = "nothing answers at /chat/completions (HTTP 404): is /v1 missing in base_url, or is the model not there?"
REFUSED = "refuses a query (HTTP 422: {'detail': 'seed'}); request, extra_body and headers_env say what is sent"


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("status 308", "sends its visitors elsewhere (HTTP 308): give the address where it answers itself"),
        ("status 404", NO_ROUTE),
        ("status 405", NO_ROUTE.replace("404", "405")),
        ("status 402 pay first", "does not answer a query (HTTP 402: pay first)"),
        ("status 422 {'detail': 'seed'}", REFUSED),
        ("html", "answers a query with no completion that can be read (not a completion): is /v1 missing in base_url?"),
        ("encoded", "answers a query with no completion that can be read (encoded body): is /v1 missing in base_url?"),
    ],
)
def test_what_will_fail_every_query_is_one_line(server: ExpertServer, mood: str, said: str) -> None:
    server.mood = mood
    with pytest.raises(ExpertsUnreachable) as caught:
        preflight([endpoint(server.base_url)])
    assert str(caught.value) == f"expert a at {server.base_url}: {said}"


def test_a_base_url_without_its_last_part_is_named(server: ExpertServer) -> None:
    with pytest.raises(ExpertsUnreachable, match=r"HTTP 404\): is /v1 missing in base_url"):
        preflight([endpoint(server.base_url.removesuffix("/v1"))])


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("broken", "a first query failed (HTTP 500)"),
        ("status 429", "a first query failed (HTTP 429)"),
        ("reset", "a first query failed (connection failed)"),
        ("late", "a first query timed_out (request timeout)"),
        ("empty", None),
        ("long", None),
    ],
)
def test_what_may_pass_is_a_warning(
    server: ExpertServer, caplog: pytest.LogCaptureFixture, mood: str, said: str | None
) -> None:
    server.mood = mood
    preflight([endpoint(server.base_url, timeout_s=0.4)])
    assert (said is None) == (not caplog.records) and (said or "") in caplog.text


@pytest.mark.parametrize(
    "listing",
    [
        b" " * 3 * 2**20,
        b'{"data": [{"id": "' + b"*" * 10**6 + b'"}]}',
        b'{"data": [' + b'{"id":"*"},' * 10**5 + b"{}]}",
    ],
)
def test_a_strange_list_of_models_costs_nothing(server: ExpertServer, listing: bytes) -> None:
    server.models = listing
    begun = time.monotonic()
    preflight([endpoint(server.base_url)])
    assert time.monotonic() - begun < 3


def listing(*names: str) -> bytes:
    return json.dumps({"data": [{"id": name} for name in names]}).encode()


def test_a_model_that_is_not_listed_is_a_warning_with_some_that_are(
    server: ExpertServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.models = listing("m:latest", "two\nlines", "sk-secret-key", "m4")
    preflight([endpoint(server.base_url)])
    assert [record.getMessage() for record in caplog.records] == [
        f"expert a at {server.base_url}: it does not offer model 'm'; it offers 4: 'm:latest', 'two lines', '(removed)'"
    ]
    server.mood = "status 404"
    with pytest.raises(ExpertsUnreachable, match=r"HTTP 404.*; it does not offer model 'm'; it offers 4: 'm:latest'"):
        preflight([endpoint(server.base_url)])


@pytest.mark.parametrize(
    ("names", "model"),
    [(["m"], "m"), (["models/m"], "m"), (["x", "openai/*"], "openai/gpt-4o"), (["*"], "m"), ([], "m")],
)
def test_a_model_that_is_listed_in_some_form_is_none(
    server: ExpertServer, caplog: pytest.LogCaptureFixture, names: list[str], model: str
) -> None:
    server.models = listing(*names)
    preflight([endpoint(server.base_url, model=model)])
    assert not caplog.records


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
