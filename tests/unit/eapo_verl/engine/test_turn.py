"""A turn that the engine is halted in: what is written is what one request would have, and steps are told apart."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.scripted_rollout import ALWAYS, ANSWER, CONSULT, TOKENIZER, Experts, Script, ids, roll_out

pytestmark = pytest.mark.engine  # imports verl

OPEN = "<consult>"
END = [TOKENIZER.eos_token_id]


class Halting:
    """Stands for an engine that writes the tokens of a text, and that is halted after each of ``cuts``, in tokens.

    As vLLM it ends with ``stop``, which it looks for in what the request itself wrote, and not with more tokens than it
    may write; its weights are a step newer after each halt.
    """

    def __init__(self, tokens: list[int], cuts: Sequence[int], stop: str | None = None) -> None:
        self.tokens, self.cuts, self.stop = tokens, list(cuts), stop
        self.written, self.version = 0, 4
        self.asked: list[tuple[list[int], dict[str, Any]]] = []

    async def __call__(self, prompt: list[int], params: dict[str, Any]) -> Any:
        from verl.workers.rollout.replica import TokenOutput

        self.asked.append((prompt, params))
        made: list[int] = []
        reason, version = "aborted", self.version
        while not self.cuts or self.written < self.cuts[0]:
            made.append(self.tokens[self.written])
            self.written += 1
            stopped = self.stop is not None and self.stop in TOKENIZER.decode(made)
            if stopped or len(made) == params["max_tokens"] or made[-1:] == END:
                reason = "completed"
                break
        else:
            self.cuts.pop(0)
            self.version += 1
        extra = dict.fromkeys(("global_steps", "min_global_steps", "max_global_steps"), version)
        return TokenOutput(token_ids=made, log_probs=[-1.0] * len(made), stop_reason=reason, extra_fields=extra)


def write(engine: Halting, text: str, ends: bool, room: int = 200) -> Any:
    from eapo_verl.engine.turn import Tag, write_turn

    def decode(tokens: list[int]) -> str:
        return str(TOKENIZER.decode(tokens, skip_special_tokens=True))

    tag = Tag(text, ids(text), ends)
    return asyncio.run(write_turn(engine, [7, 8], {"max_tokens": room}, (1, 2), tag, decode, END))


@pytest.mark.parametrize("cut", range(1, 9))
def test_wherever_it_is_cut_a_turn_ends_with_its_tag(cut: int) -> None:
    # A tag of many tokens, the first of which begin once before; behind it the policy would go on.
    text, tag = "5-9#5-8", "9#5-8"
    engine = Halting(ids(f"5-{text}") + ids("1+1") + END, [cut], tag)
    turn = write(engine, tag, ends=True)
    assert TOKENIZER.decode(turn.ids) == f"5-{text}" and len(turn.log_probs) == len(turn.ids) == 9
    assert turn.fields["global_steps"] == 5 and turn.fields["min_global_steps"] == 4
    assert turn.reread == sum(len(prompt) for prompt, _ in engine.asked[1:]) > 0
    seeds = [params["seed"] for _, params in engine.asked]
    assert len(set(seeds)) == len(seeds)


def test_what_the_engine_was_not_halted_in_is_one_request() -> None:
    from eapo_verl.method.draws import sampling_seed

    engine = Halting(ids(ANSWER) + END, [])
    turn = write(engine, OPEN, ends=False)
    assert turn.ids == ids(ANSWER) + END and turn.reread == 0
    assert engine.asked == [([7, 8], {"max_tokens": 200, "seed": sampling_seed(1, 2)})]


def test_a_banned_tag_is_not_written_across_a_seam() -> None:
    from eapo_verl.engine.turn import Tag, may_begin

    banned = "12*3"
    engine = Halting(ids("4+12*3") + END, [5])
    write(engine, banned, ends=False)
    assert [params["max_tokens"] for _, params in engine.asked][:2] == [200, 1]
    assert engine.asked[1][1]["logit_bias"] == {ids(banned)[-1]: -100.0}
    assert "logit_bias" not in engine.asked[0][1] and engine.asked[2][1]["max_tokens"] > 1
    assert not may_begin(Tag(OPEN, [9], ends=False), "<con") and may_begin(Tag(OPEN, [9], ends=True), "<con")


def test_a_halt_before_the_first_token_leaves_no_trace_and_room_is_kept() -> None:
    engine = Halting(ids("1+1=2,1+2=3"), [0, 3])
    turn = write(engine, OPEN, ends=False, room=6)
    assert turn.ids == ids("1+1=2,") and turn.fields["min_global_steps"] == 5 == turn.fields["global_steps"] - 1
    assert [params["max_tokens"] for _, params in engine.asked] == [6, 6, 3]


class Moving(Script):
    """An engine whose weights are two steps newer at every turn, and ``ahead`` newer than was known at the first."""

    def __init__(self, *turns: str, ahead: int = 0) -> None:
        super().__init__(*turns)
        self.ahead = ahead

    async def generate(self, **request: Any) -> Any:
        self.version, self.ahead = self.version + self.ahead, 2
        return await super().generate(**request)


def test_threshold_and_turns_go_by_the_step_that_wrote_a_turn() -> None:
    from eapo_verl.experts.reply import Reply

    experts = Experts(Reply("a", "answered", "4+7=1"), Reply("a", "answered", "9#5=4"))
    script = Moving(*[CONSULT] * 4, ANSWER)
    output, counts = roll_out(
        script, experts, response=400, acceptance=ALWAYS, turns={"train": 4, "evaluation": 0},
        trigger="confidence_gated", thresholds={1: None, 3: 0.0, 5: -9.0}, transcribed=True,
    )  # fmt: skip
    # What the fourth may do was settled by what was known before it was written: step 5, which allows two.
    assert (counts["begun"], counts["steps"], counts["consultations"]) == (1, [1, 3, 5, 7], 3)
    assert counts["thresholds"] == [None, 0.0, -9.0]
    turns = output.extra_fields["reward_extra_info"]["transcript"]["turns"]
    assert [(one["step"], one["let_through"]) for one in turns] == [(1, True), (3, True), (5, False)]


def test_a_reply_is_accepted_by_the_step_that_wrote_the_query() -> None:
    from eapo_verl.experts.reply import Reply

    experts = Experts(Reply("a", "answered", "4+7=1"), Reply("a", "answered", "9#5=4"))
    rising = {"kind": "linear", "start": 0.0, "end": 1.0}
    # Ten steps, asked for in the first, in which no reply is accepted.
    assert roll_out(Script(CONSULT, ANSWER), experts, acceptance=rising)[1]["accepted"] == 0
    last = Moving(CONSULT, ANSWER, ahead=9)
    assert roll_out(last, experts, acceptance=rising, thresholds={10: None})[1]["accepted"] == 2
