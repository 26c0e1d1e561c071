"""One rollout of the policy, as a verl agent loop: generate, consult where that is allowed, go on, answer.

Two names are registered (``conf/agent_loops.yaml``): ``consulting`` for the training prompts of a run with experts, and
``independent`` for validation and for every run without. Both are this class, so that a run whose policy may not
consult does token for token what self-exploratory RL does. Token ids are only ever appended, never rendered anew.
"""

import asyncio
import functools
import json
from typing import Any

from omegaconf import OmegaConf
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput
from verl.utils.profiler import simple_timer

from eapo_verl.consultation import Consult, format_replies, neutralise, parse_action
from eapo_verl.experts import OUTCOMES, ExpertPool, Reply
from eapo_verl.schedules import sampling_seed, uniform_draw
from eapo_verl.settings import Consultation, Endpoint


@functools.cache
def _expert_pool(endpoints: str, template: str, deadline_s: float) -> ExpertPool:
    """One pool a process: verl makes a loop object for every rollout, connections and limits have to outlive it."""
    return ExpertPool([Endpoint(**fields) for fields in json.loads(endpoints)], template, deadline_s)


class PolicyAgentLoop(AgentLoopBase):
    """Rolls the policy out on one problem.

    Args:
        consults: whether this rollout may consult experts; otherwise the opening tag cannot be sampled.
    """

    def __init__(self, *args: Any, consults: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        node = self.config.eapo
        self.run_seed: int = node.run_seed
        self.settings = Consultation.model_validate(OmegaConf.to_container(node.consultation, resolve=True))
        self.tags = self.settings.tags.tags()
        self.consults = consults and self.settings.trigger != "never"
        self.acceptance = self.settings.acceptance.schedule(node.total_steps)
        self.turn_budget = self.settings.turn_budget(node.total_steps)
        if self.consults:
            endpoints = json.dumps(OmegaConf.to_container(node.experts, resolve=True))
            self.pool = _expert_pool(endpoints, self.settings.query_prompt, self.settings.deadline_s)

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        """Return the finished rollout.

        ``response_mask`` is 1 on the policy's tokens and 0 on the environment's; ``extra_fields["consultation"]``
        counts what was asked and what became of each reply.
        """
        # Validation runs at step 0 too, and never consults; the schedules start with the first training step.
        step = max(1, int(kwargs["global_steps"]))
        key = (self.run_seed, int(kwargs["global_steps"]), int(kwargs["index"]), int(kwargs["session_id"]))
        prompt = await self.ct_build_initial_tokens(list(kwargs["raw_prompt"]))
        rollout = _Rollout(prompt)
        turns = self.turn_budget(step) if self.consults else 0
        for turn in range(turns + 1):
            room = self.rollout_config.response_length - len(rollout.ids)
            if room < 1:
                break
            may_consult = turn < turns
            await self._generate(rollout, sampling_params, (*key, turn), room, may_consult)
            action = parse_action(rollout.turn_text, self.tags, self.settings.max_queries)
            if not (may_consult and isinstance(action, Consult)):
                break
            await self._consult(rollout, action, kwargs["extra_info"]["problem"], step, (*key, turn))
        return rollout.output(self.rollout_config.response_length)

    async def _generate(
        self,
        rollout: "_Rollout",
        sampling_params: dict[str, Any],
        key: tuple[int, ...],
        room: int,
        may_consult: bool,
    ) -> None:
        params = dict(sampling_params) | {"max_tokens": room, "seed": sampling_seed(*key)}
        if may_consult:
            params |= {"stop": [self.tags.consult_close], "include_stop_str_in_output": True}
        else:
            params |= self._ban(self.tags.consult_open)
        with simple_timer("generate_sequences", rollout.seconds):
            output = await self.server_manager.generate(
                request_id="-".join(map(str, key)),
                prompt_ids=rollout.prompt + rollout.ids,
                sampling_params=params,
            )
        rollout.append_policy(output, self.tokenizer.decode(output.token_ids, skip_special_tokens=True))

    def _ban(self, tag: str) -> dict[str, Any]:
        """Sampling parameters under which ``tag`` cannot be written; for a single token by a bias, which costs less."""
        ids = self.tokenizer.encode(tag, add_special_tokens=False)
        return {"logit_bias": {ids[0]: -100.0}} if len(ids) == 1 else {"bad_words": [tag]}

    async def _consult(
        self, rollout: "_Rollout", action: Consult, problem: str, step: int, key: tuple[int, ...]
    ) -> None:
        with simple_timer("tool_calls", rollout.seconds):
            replies = (
                await self.pool.ask(action.queries, problem, sampling_seed("expert", *key)) if action.queries else []
            )
        rho = self.acceptance(step)
        shown = [
            self._shown(reply) if reply.outcome == "answered" and uniform_draw(*key, index) <= rho else None
            for index, reply in enumerate(replies)
        ]
        rollout.count(action, replies, shown)
        text = format_replies(shown, self.tags)
        ids = await asyncio.to_thread(self.tokenizer.encode, text, add_special_tokens=False)
        rollout.append_environment(ids)

    def _shown(self, reply: Reply) -> str:
        forbidden = {*self.tags.markup, *self.tokenizer.all_special_tokens}
        return neutralise(reply.text, sorted(forbidden), self.tags.separator, self.settings.reply_max_characters)


class _Rollout:
    """The growing token sequence of one rollout, with its mask and its counts."""

    def __init__(self, prompt: list[int]) -> None:
        self.prompt = prompt
        self.ids: list[int] = []
        self.mask: list[int] = []
        self.seconds: dict[str, float] = {}
        self.turn_text = ""
        self.extra: dict[str, Any] = {}
        self.counts = dict.fromkeys(
            ("consultations", "queries", "malformed", "accepted", "annealed", "expert_tokens", *OUTCOMES), 0
        )

    def append_policy(self, output: Any, text: str) -> None:
        self.ids += output.token_ids
        self.mask += [1] * len(output.token_ids)
        self.turn_text = text
        # verl records the span of model versions that a trajectory was generated with.
        first = self.extra.get("min_global_steps", output.extra_fields.get("min_global_steps"))
        self.extra |= output.extra_fields | {"min_global_steps": first}

    def append_environment(self, ids: list[int]) -> None:
        self.ids += ids
        self.mask += [0] * len(ids)
        self.turn_text = ""

    def count(self, action: Consult, replies: list[Reply], shown: list[str | None]) -> None:
        self.counts["consultations"] += 1
        self.counts["queries"] += len(action.queries)
        self.counts["malformed"] += action.empty + action.duplicated + action.excess
        self.counts["expert_tokens"] += sum(reply.tokens for reply in replies)
        for reply, text in zip(replies, shown, strict=True):
            self.counts[reply.outcome] += 1
            if reply.outcome == "answered":
                self.counts["accepted" if text is not None else "annealed"] += 1

    def output(self, response_length: int) -> AgentLoopOutput:
        # Replies may run past the end of the response; verl needs room for at least what the policy wrote.
        self.counts["cut_tokens"] = max(0, len(self.ids) - response_length)
        self.counts["policy_tokens"] = sum(self.mask)
        return AgentLoopOutput(
            prompt_ids=self.prompt,
            response_ids=self.ids[:response_length],
            response_mask=self.mask[:response_length],
            num_turns=2 + 2 * self.counts["consultations"],
            metrics=AgentLoopMetrics(**self.seconds),
            extra_fields=self.extra | {"consultation": self.counts, "final_turn": self.turn_text},
        )
