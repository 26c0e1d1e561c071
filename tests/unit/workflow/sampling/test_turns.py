"""What the sampling command is told of responses in several turns: read, refused in one line, and what it decides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from baselines.procedure import Replies
from tests.scripted_sample import shipped
from workflow.sampling.identity import digest, identity
from workflow.sampling.questions import Benchmark, Question
from workflow.sampling.request import Request, SamplingError
from workflow.sampling.turns import Turns, read_turns

REMOTE = {"name": "far", "base_url": "http://host/v1", "model": "m"}
ASKING = shipped("expert_workflow").model_dump_json()
VOTING = shipped("self_consistency", votes=3).model_dump_json()
MATCHED = shipped("self_consistency").model_dump_json()
REPLIES = Replies(max_characters=9)


def read(procedure: str = ASKING, experts: Any = (REMOTE,), endpoints: Path | None = None, **replies: Any) -> Turns:
    bounded = REPLIES.model_copy(update=replies).model_dump_json()
    turns = read_turns(procedure, bounded, json.dumps(experts), endpoints)
    assert turns is not None
    return turns


def test_what_was_written_is_read() -> None:
    turns = read()
    assert turns.procedure == shipped("expert_workflow") and turns.replies == REPLIES
    (endpoint,) = turns.addresses()
    assert (endpoint.base_url, endpoint.model, endpoint.max_tokens) == ("http://host/v1", "m", 64)
    assert read(max_tokens=500).addresses()[0].max_tokens == 500
    assert read_turns(None, None, None, None) is None
    voting = read_turns(VOTING, None, None, None)
    assert voting is not None and voting.addresses() == []


def test_a_served_expert_is_where_its_service_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "endpoints.json"
    served = [{"name": "near", "folder": str(tmp_path), "max_model_len": 64, "max_tokens": 40}]
    with pytest.raises(SamplingError, match="--experts: near is served, and --endpoints has to say where"):
        read(experts=served).addresses()
    with pytest.raises(SamplingError, match=r"--endpoints: .*No such file"):
        read(experts=served, endpoints=started).addresses()
    started.write_text('{"near": {"base_url": "http://127.0.0.1:1/v1", "model": "near", "api_key_env": "NEAR_KEY"}}')
    monkeypatch.setenv("NEAR_KEY", "k")
    (endpoint,) = read(experts=served, endpoints=started).addresses()
    assert (endpoint.base_url, endpoint.model, endpoint.max_tokens) == ("http://127.0.0.1:1/v1", "near", 40)
    monkeypatch.delenv("NEAR_KEY")
    with pytest.raises(SamplingError, match=r"NEAR_KEY \(api_key_env\) is not set"):
        read(experts=served, endpoints=started).addresses()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{", None, None, None), "--procedure: Expecting property name"),
        (('{"name": "magic"}', None, None, None), "--procedure: Input tag 'magic' found using 'name'"),
        (('{"name": "self_consistency", "votes": 0}', None, None, None), "--procedure: self_consistency.votes: Input"),
        ((ASKING, None, None, None), "--procedure expert_workflow needs --replies, and an expert in --experts"),
        ((ASKING, REPLIES.model_dump_json(), "[]", None), "--procedure expert_workflow needs --replies, and an expert"),
        ((ASKING, '{"max_characters": 0}', None, None), "--replies: max_characters: Input should be"),
        ((ASKING, REPLIES.model_dump_json(), '[{"name": "far"}]', None), "--experts: 0: expert far needs either"),
        ((ASKING, REPLIES.model_dump_json(), json.dumps([REMOTE, REMOTE]), None), "--experts names far, far; each"),
        ((None, None, "[]", None), "--replies, --experts, --endpoints and --samples-of are allowed"),
        ((None, None, None, None, "{}"), "--replies, --experts, --endpoints and --samples-of are allowed"),
        ((MATCHED, None, None, None), "--samples-of: the procedure goes by samples of base, expert_workflow"),
        ((MATCHED, None, None, None, '{"base": ["a.json"]}'), "--samples-of: the procedure goes by samples of expert_"),
        ((MATCHED, None, None, None, "[]"), "--samples-of: Input should be a valid dictionary"),
    ],
)
def test_what_is_not_allowed_is_one_line(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(SamplingError) as caught:
        read_turns(*arguments)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_greedy_turns_are_refused() -> None:
    with pytest.raises(SamplingError, match=r"--temperature is 0\.0; it must be above 0 with --procedure"):
        Request(Path("model"), 1, 0.0, 1.0, 64, 128, 1, turns=read())


REQUEST = Request(Path("model"), 4, 0.6, 0.95, 64, 128, 1)
BENCHMARK = Benchmark("mine", Path("a.jsonl"), (Question("q", "1+1", "2", "integers_bare"),))


def identified(turns: Turns | None, benchmark: Benchmark = BENCHMARK, **changes: Any) -> str:
    return digest(identity(replace(REQUEST, turns=turns, **changes), "0", benchmark))


@pytest.fixture
def served(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "model.safetensors").write_bytes(b"weights")
    return {"name": "near", "folder": str(tmp_path / "near"), "max_model_len": 64}


def test_what_decides_the_turns_decides_the_samples(served: dict[str, Any]) -> None:
    known = identified(read(experts=[REMOTE, served]))
    others = [
        identified(None),
        identified(read(VOTING)),
        identified(read(shipped("expert_workflow", answers=2).model_dump_json(), [REMOTE, served])),
        identified(read(experts=[REMOTE])),
        identified(read(experts=[REMOTE | {"model": "n"}, served])),
        identified(read(experts=[REMOTE, served | {"max_tokens": 5}])),
        identified(read(experts=[REMOTE, served | {"max_model_len": 128}])),
        identified(read(experts=[REMOTE, served], max_characters=8)),
        identified(read(experts=[REMOTE, served], max_tokens=8)),
        # A turn may be cut by the context, and a vote reads answers as the task does.
        identified(read(experts=[REMOTE, served]), max_model_len=256),
        identified(read(experts=[REMOTE, served]), replace(BENCHMARK, questions=(Question("q", "1+1", "2"),))),
    ]
    assert len({known, *others}) == 1 + len(others)
    Path(served["folder"], "model.safetensors").write_bytes(b"others")
    assert identified(read(experts=[REMOTE, served])) not in {known, *others}


def test_where_experts_are_and_how_long_one_waits_decides_nothing(served: dict[str, Any], tmp_path: Path) -> None:
    known = identified(read(experts=[REMOTE, served]))
    moved = REMOTE | {"base_url": "http://elsewhere/v1", "timeout_s": 5.0, "max_concurrency": 2}
    Path(served["folder"]).rename(tmp_path / "moved")
    there = served | {"folder": str(tmp_path / "moved"), "retries": 0}
    assert identified(read(experts=[moved, there], endpoints=tmp_path / "any.json")) == known
