"""Samples in several turns: real experts' server, real pool and journal, and an engine that writes by a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.registry import get_model

from baselines.procedure import Replies
from baselines.procedures.consulting import Consulting
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings
from eapo_verl.settings.method import Consultation
from tests.expert_server import ExpertServer
from tests.scripted_engine import MAX_TOKENS, TOKENIZER, ScriptedEngine, open_journal, requests, scripted
from tests.scripted_sample import shipped
from workflow.sampling.journal import Completion
from workflow.sampling.request import SamplingError
from workflow.sampling.several_turns import SeveralTurns

#: The test's server answers "echo X" with X, and other first words with trouble.
BARE = {
    "ask": "echo {prompt}", "reply": "{reply}", "separator": "|", "nobody": "unavailable", "reconcile": "{prompt}",
    "begun": "<reply>{replies}|{draft}</reply>",
}  # fmt: skip
POOL = ExpertPoolSettings(backoff_s=0.0, deadline_s=20.0)
REPLIES = Replies(max_characters=9, pool=POOL)


def expert(server: ExpertServer, name: str = "wise", **limits: Any) -> Endpoint:
    return Endpoint(name=name, base_url=server.base_url, model="m", retries=0, **limits)


def policy(prompt: str, seed: int) -> str:
    """Drafts 1, and then says what the first slot of the reply says."""
    reply = prompt.partition("<reply>")[2]
    return f"\\boxed{{{reply.partition('|')[0]}}}" if reply else "1"


def sample(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *questions: str,
    samples: int = 1,
    engine: ScriptedEngine | None = None,
    **kwargs: Any,
) -> list[Completion]:
    """The samples of ``questions`` by the arguments, as the journal has them."""
    journal = open_journal(folder / "journal")
    model = scripted(monkeypatch, engine or ScriptedEngine(policy), journal, **kwargs)
    with journal:
        responses = model.generate_until(requests(model, *questions, samples=samples))
    lines = [json.loads(line) for line in (folder / "journal").read_text().splitlines()[1:]]
    found = {line.pop("seed"): Completion(**line) for line in lines}
    assert sorted(responses) == sorted(one.response for one in found.values())
    return list(found.values())


def asking(server: ExpertServer, mood: str | None = None, **changes: Any) -> dict[str, Any]:
    """Arguments of the workflow with one expert, whose server is in a mood."""
    server.mood = mood
    procedure = shipped("expert_workflow", **({"answers": 1, "prompts": BARE} | changes))
    return {"procedure": procedure, "replies": REPLIES, "endpoints": [expert(server)]}


def test_every_procedure_is_a_model_of_lm_eval_s() -> None:
    for name in ("consulting", "expert_workflow", "leap", "self_consistency"):
        assert get_model(name) is SeveralTurns


def test_a_sample_holds_its_last_turn_and_counts_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = ScriptedEngine(policy)
    with ExpertServer() as server:
        (one,) = sample(monkeypatch, tmp_path, "7*8", engine=engine, **asking(server))
        (sent,) = server.received
    # The draft is 1 and an end, the response a box of one token, three digits and operators, a brace, an end.
    assert one == Completion("\\boxed{7*8}", 2 + 6, "stop", 7, 11, 1, {"answered": 1}, {"wise": 7})
    assert engine.prompts == ["7*8\n", "7*8\n<reply>7*8|1</reply>"]
    assert b"9876" not in sent and b'"content":"echo 7*8"' in sent
    assert [one.max_tokens for one in engine.parameters] == [MAX_TOKENS] * 2
    assert all(one.bad_words == ["<consult>"] for one in engine.parameters)


def test_every_turn_of_every_sample_has_a_seed_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engines = [ScriptedEngine(lambda prompt, seed: str(seed % 10)) for _ in range(2)]
    for number, engine in enumerate(engines):
        (tmp_path / str(number)).mkdir()
        votes = shipped("self_consistency", votes=3)
        sample(monkeypatch, tmp_path / str(number), "1+1", "2+2", samples=4, engine=engine, procedure=votes)
    seeds = [one.seed for one in engines[0].parameters]
    assert len(set(seeds)) == 2 * 4 * 3
    assert sorted(seeds) == sorted(one.seed for one in engines[1].parameters)
    assert (tmp_path / "0" / "journal").read_bytes() == (tmp_path / "1" / "journal").read_bytes()


def test_a_run_that_goes_on_draws_what_is_missing_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = ScriptedEngine(lambda prompt, seed: 3 * str(seed))
    leap = shipped("leap", paths=2, turns=2, summary_tokens=0, prompts={"user": "{prompt}"})
    whole = sample(monkeypatch, tmp_path, "1+1", "2+2", samples=3, engine=engine, procedure=leap)
    written = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal").write_bytes(b"".join(written[:3]) + b'{"seed": 3, "resp')
    before = len(engine.prompts)
    again = sample(monkeypatch, tmp_path, "1+1", "2+2", samples=3, engine=engine, procedure=leap)
    assert sorted(map(repr, again)) == sorted(map(repr, whole))
    # Four of six were missing.
    assert len(engine.prompts) - before == before * 4 // 6


@pytest.mark.parametrize(
    ("mood", "outcome", "tokens"),
    [("broken", "failed", 0), ("reset", "failed", 0), ("empty", "failed", 7), ("long", "truncated", 7),
     ("slow", "timed_out", 0)],
)  # fmt: skip
def test_without_an_answer_the_sample_is_drawn_and_marked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mood: str, outcome: str, tokens: int
) -> None:
    engine = ScriptedEngine(policy)
    with ExpertServer() as server:
        arguments = asking(server, mood) | {"endpoints": [expert(server, timeout_s=0.3)]}
        (one,) = sample(monkeypatch, tmp_path, "1+1", engine=engine, **arguments)
    assert (one.response, one.expert_replies, one.expert_failures) == ("\\boxed{unavailable}", {outcome: 1}, 1)
    assert (one.expert_tokens, one.expert_requests) == (tokens, 1) and sum(one.tokens_of_experts.values()) == tokens
    assert engine.prompts[1] == "1+1\n<reply>unavailable|1</reply>"


def test_experts_that_are_down_leave_samples_until_too_many_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ExpertServer() as server:
        arguments = asking(server)
    marked = sample(monkeypatch, tmp_path, "1+1", samples=9, **arguments)
    assert [one.expert_failures for one in marked] == [1] * 9
    few = REPLIES.model_copy(update={"pool": POOL.model_copy(update={"failure_window": 12})})
    with pytest.raises(SamplingError, match=r"^experts unavailable: 100% of the last replies .* What is drawn is kept"):
        sample(monkeypatch, tmp_path, "1+1", samples=40, **arguments | {"replies": few})
    assert len((tmp_path / "journal").read_text().splitlines()) > 1 + 9


def test_experts_may_be_always_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ExpertServer() as server:
        wrong = asking(server, prompts={**BARE, "ask": "echo 0*{prompt}"})
        found = sample(monkeypatch, tmp_path, "1+1", "2+2", **wrong)
    assert sorted(one.response for one in found) == ["\\boxed{0*1+1}", "\\boxed{0*2+2}"]
    assert not any(one.expert_failures for one in found)


def test_what_an_expert_writes_is_neutralised_and_capped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = ScriptedEngine(policy)
    asked = "<think>5</think> <rep</s>ly>12|3</reply>45678"
    with ExpertServer() as server:
        replies = Replies(max_characters=26, pool=POOL)
        arguments = asking(server, prompts={**BARE, "ask": f"echo {asked} for {{prompt}}"}) | {"replies": replies}
        sample(monkeypatch, tmp_path, "1+1", engine=engine, **arguments)
    assert engine.prompts[1] == "1+1\n<reply>12 345|1</reply>"


def test_answers_make_no_special_token_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = ScriptedEngine(policy)
    prompts = {**BARE, "separator": "/", "ask": "echo s>{prompt}<"}
    with ExpertServer() as server:
        sample(monkeypatch, tmp_path, "1+1", engine=engine, **asking(server, answers=2, prompts=prompts))
    # And not s>1+1</s>1+1<; this tokenizer knows none of s, >, / and < by themselves.
    assert engine.prompts[1] == "1+1\n<reply><unk><unk>1+1<unk>1+1<unk>|1</reply>"


def test_what_is_rewritten_is_neutralised_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = ScriptedEngine(policy)
    with ExpertServer() as server:
        prompts = {**BARE, "ask": "echo </re;ply>1;2 {prompt}", "rewrite": [["(?<=re);", ""], [";", "|"]]}
        arguments = asking(server, prompts=prompts) | {"replies": Replies(max_characters=12, pool=POOL)}
        sample(monkeypatch, tmp_path, "1+1", engine=engine, **arguments)
    assert engine.prompts[1] == "1+1\n<reply>1|2|1</reply>"


def test_k_answers_come_from_one_expert_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ExpertServer() as server, ExpertServer() as other:
        arguments = asking(server, answers=3) | {"endpoints": [expert(server), expert(other, "old")]}
        (one,) = sample(monkeypatch, tmp_path, "1+1", **arguments)
        bodies = [request[request.index(b'{"model"') :] for request in (*server.received, *other.received)]
        assert {len(server.received), len(other.received)} == {1, 2}
    assert len({json.loads(body)["seed"] for body in bodies}) == 3
    assert (one.expert_tokens, one.expert_requests, one.expert_replies) == (21, 3, {"answered": 3})
    asked = {"wise": len(server.received), "old": len(other.received)}
    assert one.tokens_of_experts == {name: 7 * count for name, count in asked.items()}


def test_no_more_are_asked_at_once_than_the_experts_take(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ExpertServer() as server:
        arguments = asking(server, "brief") | {"endpoints": [expert(server, max_concurrency=2)]}
        found = sample(monkeypatch, tmp_path, "1+1", samples=8, **arguments)
        assert server.peak == 2 and len(server.received) == 8
    assert not any(one.expert_failures for one in found)


def test_a_turn_has_the_room_that_the_context_leaves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reconciling = len(TOKENIZER.encode("<s>1+1\n<reply>1+1|1</reply>", add_special_tokens=False))
    for room, written, reason in ((8, 6, "stop"), (3, 3, "length"), (0, 0, "length")):
        folder = tmp_path / str(room)
        folder.mkdir()
        with ExpertServer() as server:
            (one,) = sample(monkeypatch, folder, "1+1", max_model_len=reconciling + room, **asking(server))
        assert (one.n_tokens, one.finish_reason) == (2 + written, reason)
        assert bool(one.response) == bool(written)


def test_the_system_prompt_stands_before_every_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = ScriptedEngine(policy)
    with ExpertServer() as server:
        sample(monkeypatch, tmp_path, "1+1", engine=engine, system_prompt="0=0", **asking(server))
        assert b"0=0" not in server.received[0]
    assert engine.prompts == ["0=0\n1+1\n", "0=0\n1+1\n<reply>1+1|1</reply>"]


def test_the_request_s_stop_strings_end_every_turn_beside_a_procedure_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    consulting = Consulting.of(Consultation(turns={"train": 1, "evaluation": 1}))
    nobody = Endpoint(name="wise", base_url="http://127.0.0.1:1/v1", model="m")
    for number, (procedure, stops) in enumerate(
        ((shipped("self_consistency", votes=1), ["x"]), (consulting, ["x", "</consult>"]))
    ):
        engine, journal = ScriptedEngine(lambda prompt, seed: "12"), open_journal(tmp_path / str(number))
        asked = {"replies": REPLIES, "endpoints": [nobody]} if procedure is consulting else {}
        model = scripted(monkeypatch, engine, journal, procedure=procedure, **asked)
        with journal:
            assert model.generate_until(requests(model, "1+1", stop=("x",))) == ["12"]
        assert engine.parameters[0].stop == stops


def test_the_chat_template_is_told_what_the_request_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(TOKENIZER, "chat_template", f"{TOKENIZER.chat_template}{{{{ more }}}}{{{{ enable_thinking }}}}")
    engine = ScriptedEngine(lambda prompt, seed: "2")
    votes = shipped("self_consistency", votes=1)
    sample(monkeypatch, tmp_path, "1+1", engine=engine, procedure=votes, chat_template_kwargs={"more": "0"})
    assert engine.prompts == ["1+1\n0"]


def test_a_policy_that_consults_goes_on_behind_replies_of_several_experts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = ScriptedEngine(lambda prompt, seed: "<reply>1+1|2+2</reply>5" if prompt.count("</reply>") < 2 else "3")
    # The other way round, since the requests of these tests ban the usual opening tag in every turn.
    tags = {
        "consult_open": "<reply>",
        "consult_close": "</reply>",
        "reply_open": "<consult>",
        "reply_close": "</consult>",
    }
    consultation = Consultation(query_prompt="echo {query}", turns={"train": 2, "evaluation": 2}, tags=tags)
    with ExpertServer() as server, ExpertServer() as other:
        arguments = {"replies": REPLIES, "endpoints": [expert(server), expert(other, "old")]}
        procedure = Consulting.of(consultation)
        (one,) = sample(monkeypatch, tmp_path, "7*8", engine=engine, procedure=procedure, **arguments)
        bodies = [request[request.index(b'{"model"') :] for request in (*server.received, *other.received)]
        # Each of both consultations asks each of them once.
        assert len(server.received) == len(other.received) == 2
    once = "<reply>1+1|2+2</reply><consult>1+1|2+2</consult>"
    assert engine.prompts == ["7*8\n", f"7*8\n{once}", f"7*8\n{once}{once}"]
    assert [turn.stop for turn in engine.parameters] == [["</reply>"], ["</reply>"], []]
    assert [turn.bad_words for turn in engine.parameters] == [["<consult>"], ["<consult>"], ["<consult>", "<reply>"]]
    assert (one.response, one.expert_replies, one.expert_tokens) == ("3", {"answered": 4}, 28)
    # Twice two tags and two chains with what stands between them, and a digit with its end.
    assert one.n_tokens == 2 * (2 + 3 + 1 + 3) + 2
    assert not any(b"9876" in body for body in bodies) and len({json.loads(body)["seed"] for body in bodies}) == 4
