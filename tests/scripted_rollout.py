"""One rollout of the real agent loop with a scripted policy and scripted experts."""

import asyncio
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eapo_verl.engine.rollout_plan import RolloutPlan
from eapo_verl.experts.reply import Reply
from eapo_verl.settings.method import Consultation, Internalization, Reward
from eapo_verl.settings.run import Optimiser, Overlong, RunSettings
from workflow.embedded.tokenizer import build_tokenizer

TOKENIZER = build_tokenizer()
PROBLEM = "4+7@3;1*2;9#5-8"
ANSWER = "4+7=1,1@3=6;1*2=2;9#5=4,4-8=6;\\boxed{626}"
CONSULT = "<consult>4+7@3|9#5-8</consult>"
ALWAYS = {"kind": "constant", "start": 1.0}
NEVER = {"kind": "constant", "start": 0.0}
ONE_TURN = {"train": 1, "evaluation": 1}


def ids(text: str) -> list[int]:
    return TOKENIZER.encode(text, add_special_tokens=False)


class Script:
    """Stands for verl's client of the rollout engine: returns the given turns and remembers what it was sent."""

    def __init__(self, *turns: str, log_prob: float = -0.5) -> None:
        self.turns = list(turns)
        self.log_prob = log_prob
        #: The step that made the engine's weights.
        self.version = 0
        self.prompts: list[list[int]] = []
        self.params: list[dict[str, Any]] = []

    async def generate(self, request_id: str, prompt_ids: list[int], sampling_params: dict[str, Any]) -> Any:
        from verl.workers.rollout.replica import TokenOutput

        self.prompts.append(list(prompt_ids))
        self.params.append(sampling_params)
        extra = dict.fromkeys(("global_steps", "min_global_steps", "max_global_steps"), self.version)
        if "prompt_logprobs" in sampling_params:
            # Two tokens, as likely: an entropy of log 2 at every place.
            extra["prompt_logprobs"] = [[math.log(0.5)] * 2 + [None] * 18] * len(prompt_ids)
            return TokenOutput(token_ids=[0], stop_reason="completed", extra_fields=extra)
        tokens = ids(self.turns.pop(0))[: sampling_params["max_tokens"]]
        log_probs = [self.log_prob] * len(tokens) if sampling_params.get("logprobs") else None
        return TokenOutput(token_ids=tokens, log_probs=log_probs, stop_reason="completed", extra_fields=extra)


class Experts:
    """Stands for the pool: returns the given replies and remembers the queries."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[tuple[str, ...], str]] = []

    async def ask(self, queries: list[str | None], problem: str, seed: int) -> list[Reply | None]:
        self.asked.append((tuple(queries), problem))
        return [None if query is None else reply for query, reply in zip(queries, self.replies, strict=False)]


def roll_out(
    script: Script,
    experts: Experts | None = None,
    response: int = 160,
    step: int = 1,
    threshold: float | None = None,
    internalization: dict | None = None,
    overlong: Overlong | None = None,
    policy: Path = Path("none"),
    occurrence: int = 0,
    transcribed: bool | None = None,
    session: int = 0,
    about: dict[str, Any] | None = None,
    thresholds: dict[int, float | None] | None = None,
    **settings: Any,
) -> tuple[Any, dict[str, Any]]:
    """The rollout, the last output of the loop, and what is counted of it; ``about`` is added to ``extra_info``.

    ``extra_fields["extra"]`` of the rollout is the sample before it, or None.
    """
    from eapo_verl.engine.agent_loop import PolicyAgentLoop

    run = RunSettings.model_construct(
        seed=1,
        policy=policy,
        system_prompt=None,
        consultation=Consultation(**settings),
        reward=Reward(),
        internalization=Internalization(**(internalization or {})),
        budget=SimpleNamespace(steps=10, validate_every=2, rollouts_per_prompt=4),
        optimiser=Optimiser(learning_rate=1.0, overlong=overlong),
    )
    script.version = step - 1
    loop = object.__new__(PolicyAgentLoop)
    loop.plan = RolloutPlan(run, TOKENIZER, response)
    loop.plan.pool = experts
    loop.consults = experts is not None and loop.plan.consultation.possible
    loop.tokenizer = TOKENIZER
    loop.server_manager = script
    loop.thresholds = {step: threshold} if thresholds is None else thresholds

    async def prompt(messages: list[dict]) -> list[int]:
        return ids(messages[-1]["content"] + "\n")

    loop.ct_build_initial_tokens = prompt
    kwargs = {
        "global_steps": step, "index": 0, "session_id": session,
        "extra_info": {"id": "p", "problem": PROBLEM, "task": "integers_bare"} | (about or {}),
        "raw_prompt": [{"role": "system", "content": "ask"}, {"role": "user", "content": PROBLEM}],
        "reward_model": {"ground_truth": "626"}, "occurrence": occurrence,
        "transcribed": transcribed,
    }  # fmt: skip
    output = asyncio.run(loop.run({"temperature": 1.0}, **kwargs))
    extra, last = output if isinstance(output, list) else (None, output)
    last.extra_fields["extra"] = extra
    return last, last.extra_fields["consultation"]
