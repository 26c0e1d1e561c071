"""What each expert did, in a step and in a run."""

import json

import numpy as np
import pytest

from eapo_verl.experts.reply import Reply, Request
from eapo_verl.record import by_expert
from tests.expert_pool import NOBODY, endpoint

EXPERTS = [endpoint(NOBODY, "a", price_per_million_output=2.0), endpoint(NOBODY, "b"), endpoint(NOBODY, "idle")]


def requests(expert: str, *seconds: float) -> list[Request]:
    return [Request(expert, tokens=10, prompt_tokens=5, cost=0.25, seconds=one) for one in seconds]


def line(*asked: Request) -> dict:
    """A step's, as it stands in the file."""
    columns = by_expert.columns(asked, EXPERTS) | {by_expert.LATENCIES: by_expert.latencies(asked)}
    return json.loads(json.dumps(columns))


def test_every_expert_has_its_columns_and_no_price_or_latency_that_there_is_not() -> None:
    made = by_expert.columns([*requests("a", *range(1, 102)), *requests("b", 3.0)], EXPERTS)
    assert made.items() >= {
        "experts/a/requests": 101, "experts/a/tokens": 1010, "experts/a/prompt_tokens": 505,
        "experts/a/cost_usd": 25.25, "experts/a/latency_p50_s": 51.0, "experts/a/latency_p95_s": 96.0,
        "experts/a/latency_p99_s": 100.0,
        "experts/b/latency_p50_s": 3.0, "experts/idle/requests": 0,
    }.items()  # fmt: skip
    assert "experts/b/cost_usd" not in made and "experts/idle/latency_p50_s" not in made


def test_a_run_has_the_sums_and_the_percentiles_of_all_its_requests() -> None:
    drawn = np.random.default_rng(1).lognormal(1.0, 1.5, 3000)
    lines = [line(*requests("a", *part)) for part in np.split(drawn, [10, 1500, 1600])]
    # Before training nobody is asked, and a column that a step lacks may be null.
    told = by_expert.of_run([{"step": 0, "experts/a/requests": None}, *lines], EXPERTS)
    assert told["a"] | {"latency_s": None} == {
        "requests": 3000, "tokens": 30_000, "prompt_tokens": 15_000, "cost_usd": 750.0, "latency_s": None
    }  # fmt: skip
    wanted = np.quantile(drawn, [0.5, 0.95, 0.99])
    assert list(told["a"]["latency_s"].values()) == pytest.approx(wanted.tolist(), rel=0.05)
    assert told["idle"] == {"requests": 0, "tokens": 0, "prompt_tokens": 0, "cost_usd": None, "latency_s": None}


def test_a_request_that_ends_at_once_has_a_latency() -> None:
    told = by_expert.of_run([line(*requests("b", 0.0))], EXPERTS)
    assert 0.0 < told["b"]["latency_s"]["p99"] < 1e-3


def test_a_reply_tells_each_request_that_was_sent_for_it_and_none_that_was_not() -> None:
    first, cached = Reply("a", "failed", attempts=1, seconds=2.0), Reply("b", "answered", "1", 7, 11, cached=True)
    last = Reply("b", "answered", "1", 7, 11, 0.5, attempts=1, seconds=3.0)
    assert Reply("b", "answered", attempts=2, tried=(first, cached, last)).requests == [
        Request("a", 0, 0, 0.0, 2.0), Request("b", 7, 11, 0.5, 3.0)
    ]  # fmt: skip
    assert last.requests == [Request("b", 7, 11, 0.5, 3.0)] and cached.requests == []
