"""Whose replies the pool takes out of the cache, and what they count."""

from pathlib import Path

from eapo_verl.experts.pool import draw_order
from tests.expert_pool import NOBODY, ask, endpoint
from tests.expert_server import ExpertServer


def test_replies_of_one_address_are_no_other_s_and_samples_of_a_query_differ(
    server: ExpertServer, tmp_path: Path
) -> None:
    unseeded = {"request": {"seed": None}}
    with ExpertServer() as other:
        ask([endpoint(server.base_url)], ["echo 1"], cache_dir=tmp_path)
        ask([endpoint(other.base_url)], ["echo 1"], cache_dir=tmp_path)
        ask([endpoint(other.base_url + "/", **unseeded)], ["echo 1", "echo 1"], cache_dir=tmp_path)
        assert len(server.received) == 1 and len(other.received) == 3
        again = ask([endpoint(other.base_url, **unseeded)], ["echo 1", "echo 1"], cache_dir=tmp_path)
    assert [(reply.cached, reply.cached_tokens, reply.tokens) for reply in again] == [(True, 7, 7)] * 2


def test_a_journal_is_of_one_expert_wherever_it_is_served(server: ExpertServer, tmp_path: Path) -> None:
    query = ["echo <think>1</think>2"]
    ((first,), (again,)) = (
        ask([endpoint(url)], query, journal=tmp_path, thoughts=True) for url in (server.base_url, NOBODY)
    )
    # A solution is kept with its thoughts.
    assert first.text == again.text == "<think>1</think>2" and again.cached


def test_tokens_before_a_reply_out_of_the_cache_are_new(server: ExpertServer, tmp_path: Path) -> None:
    with ExpertServer(mood="empty") as mute:
        group = [endpoint(mute.base_url, "mute"), endpoint(server.base_url, "good")]
        seed = next(seed for seed in range(100) if draw_order(group, seed)[0].name == "mute")
        replies = [ask(group, ["echo 1"], seed=seed, cache_dir=tmp_path)[0] for _ in range(2)]
    assert [(reply.tokens, reply.cached_tokens, reply.attempts) for reply in replies] == [(14, 0, 2), (14, 7, 1)]


def test_a_reply_that_was_cut_is_asked_for_again_where_more_of_it_may_be_kept(
    server: ExpertServer, tmp_path: Path
) -> None:
    texts = [ask([endpoint(server.base_url)], ["echo 12345"], cache_dir=tmp_path, reply_max_bytes=most)[0].text
             for most in (2, 4, 2)]  # fmt: skip
    assert texts == ["12", "1234", "12"] and len(server.received) == 2
