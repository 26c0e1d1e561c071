"""What is sent to an expert's server, as the experiment says, and where it is written why the server refuses it."""

import json
from typing import Any

import pytest

from eapo_verl.settings.base import Endpoint
from eapo_verl.settings.identity import identity
from tests.expert_pool import NOBODY, ask, endpoint
from tests.expert_server import ExpertServer
from workflow.models import Expert
from workflow.sampling.turns import AskedExpert
from workflow.solutions.settings import JobSettings


def test_a_server_is_asked_in_its_own_words(server: ExpertServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGANISATION", "org-1")
    own = endpoint(
        server.base_url,
        request={"max_tokens": "max_completion_tokens", "temperature": None, "seed": None},
        extra_body={"reasoning_effort": "low", "nothing": None},
        headers_env={"X-Organisation": "ORGANISATION"},
        max_tokens=9,
    )
    # As settings travel between processes.
    own = Endpoint(**own.model_dump(mode="json", exclude_none=True))
    assert ask([own], ["echo 1"])[0].text == "1"
    (request,) = server.received
    assert json.loads(request[request.index(b'{"model"') :]) == {
        "model": "m", "messages": [{"role": "user", "content": "echo 1"}],
        "max_completion_tokens": 9, "reasoning_effort": "low", "nothing": None,
    }  # fmt: skip
    # A header of its own is the key.
    assert b"X-Organisation: org-1" in request and b"Authorization" not in request


def test_what_an_experiment_says_of_its_server_gets_there() -> None:
    said: dict[str, Any] = {"request": {"seed": None, "max_tokens": "limit"}, "extra_body": {"a": None, "b": [1]}}
    fields = {"name": "a", "base_url": NOBODY, "model": "m", **said}
    ways = (
        Endpoint(**Expert(**fields).settings()),
        AskedExpert(**Expert(**fields).settings()).endpoint({}, 7),
        JobSettings(experiment="e", expert=fields, problems_file="f", solutions={}).endpoint,
    )
    for reached in ways:
        assert {"request": reached.request, "extra_body": reached.extra_body} == said


def test_why_a_query_fails_is_told_once_a_kind_without_keys(
    server: ExpertServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EXPERT_KEY", "a/very+odd=key")
    keyed = endpoint(server.base_url, api_key_env="EXPERT_KEY")
    outcomes = ask([keyed], ["picky 1", "picky 2", "denied 3", "long 4"], breaker_threshold=99, mode="sequential")
    assert [reply.detail for reply in outcomes] == ["HTTP 400", "HTTP 400", "HTTP 401", "max_tokens"]
    told = [record.message for record in caplog.records]
    assert told == [
        "expert a: first query that failed (HTTP 400): "
        """{"error": {"message": "Unsupported parameter: 'max_tokens'"}}""",
        "expert a: first query that failed (HTTP 401): "
        '{"error": {"message": "bad key Bearer (removed)", "code": "Bearer (removed)"}}',
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base_url": "http://h/v1/chat/completions/"}, "what stands before /chat/completions"),
        ({"request": {"max_tokens": "model"}}, "'model' is sent already, or the client's own"),
        ({"request": {"max_tokens": "seed"}}, "'seed' is sent already"),
        ({"request": {"top_p": "p"}}, "'max_tokens', 'temperature' or 'seed'"),
        ({"extra_body": {"temperature": 1}}, "'temperature' is sent already"),
        ({"extra_body": {"stream": True}}, "'stream' is sent already, or the client's own"),
        ({"extra_body": {"x": [float("nan")]}}, "JSON|finite"),
        ({"extra_body": {"x": "\ud800"}}, "surrogates|unicode"),
        ({"headers_env": {"Host": "HOST"}}, "Host is the client's own"),
        ({"headers_env": {"X: y": "HOST"}}, "pattern"),
        ({"headers_env": {"X": "a key"}}, "pattern"),
        ({"api_key_env": "sk-1"}, "pattern"),
        ({"parameters": 10**400}, "parameters"),
        ({"price_per_million_input": 1e300}, "price_per_million_input"),
    ],
)
def test_what_cannot_be_sent_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        endpoint(**({"base_url": NOBODY} | fields))


def test_what_is_sent_otherwise_tells_results_apart_and_how_it_was_before_does_not() -> None:
    plain = identity(endpoint(NOBODY, headers_env={"X-Key": "KEY"}))
    assert not {"request", "extra_body", "headers_env"} & plain.keys()
    said: dict[str, Any] = {"request": {"seed": None}, "extra_body": {"effort": "low"}}
    assert identity(endpoint(NOBODY, **said)) == plain | said
