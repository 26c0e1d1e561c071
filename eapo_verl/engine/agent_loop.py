"""One rollout of the policy, as a verl agent loop: generate, consult where that is allowed, go on, answer.

There are two (:mod:`eapo_verl.engine.rollout_worker`): ``consulting`` for the training prompts of a run with experts,
and ``independent`` for validation and for every run without. Both are this class, so that a run whose policy may not
consult does token for token what self-exploratory RL does. Token ids are only ever appended, never rendered anew.
"""

import asyncio
import itertools
import math
from collections.abc import Mapping
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput
from verl.utils.profiler import simple_timer

from eapo_verl.engine.mismatch import is_measured
from eapo_verl.engine.rollout_plan import rollout_plan
from eapo_verl.engine.turn import Tag, whole, write_turn
from eapo_verl.experts.reply import Reply
from eapo_verl.method.draws import sampling_seed, uniform_draw
from eapo_verl.method.exchange import Exchange
from eapo_verl.method.gate import TOP_K, gate, top_k_entropy
from eapo_verl.method.grammar import (
    Consult,
    Neutralised,
    format_replies,
    neutralise,
    neutralise_turn,
    parse_action,
)
from eapo_verl.method.hints import fate_of
from eapo_verl.method.internalization import rewrite
from eapo_verl.method.rewards import score
from eapo_verl.method.rollout import Rollout
from eapo_verl.record import transcripts
from tasks import Task, task

Key = tuple[int, ...]


class PolicyAgentLoop(AgentLoopBase):
    """Rolls the policy out on one problem.

    Args:
        consults: whether this rollout may consult experts; otherwise the opening tag cannot be sampled.
        thresholds: of confidence, by the training step that they hold in; the caller adds to it.
    """

    def __init__(self, *args: Any, consults: bool, thresholds: Mapping[int, float | None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.thresholds = thresholds
        response_length = int(self.rollout_config.response_length)
        self.plan = rollout_plan(self.config.eapo.run, self.tokenizer, response_length)
        self.consults = consults and self.plan.consultation.possible

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput | list[AgentLoopOutput]:
        """Return the finished rollout, after its internalization sample or an expert's row where there is one.

        ``response_mask`` is 1 on the policy's tokens and 0 on the environment's; ``extra_fields["consultation"]``
        counts what was asked and what became of each reply (:class:`~eapo_verl.method.rollout.Rollout`).
        """
        # Validation runs at step 0 too, and never consults; the schedules start with the first training step.
        step = max(1, int(kwargs["global_steps"]))
        plan = self.plan
        # Every rollout of a problem in a step has a number, also where the problem is drawn more than once.
        number = int(kwargs.get("occurrence", 0)) * plan.run.budget.rollouts_per_prompt + int(kwargs["session_id"])
        # The step that it was asked for in first: after a kill a rollout that was under way is asked for once more.
        asked = int(kwargs.get("submitted", kwargs["global_steps"]))
        key = (plan.run.seed, asked, int(kwargs["index"]), number)
        rollout = await self._begin(kwargs, step)
        compared = plan.run.corrected or is_measured(step, plan.run.budget.validate_every)
        for turn in itertools.count():
            # By the newest step that is known before the turn is written.
            may_consult = self.consults and turn < plan.consultation.turns(step, plan.run.budget.steps)
            if may_consult and turn == 0 and plan.consultation.trigger == "always":
                rollout.force(plan.forced, plan.tags.consult_open)
            if self._room(rollout) < 1:
                break
            await self._generate(rollout, sampling_params | {"logprobs": compared}, (*key, turn), may_consult)
            # From here on, that whose weights wrote the turn: in a step the engine holds those of the step before.
            step = rollout.steps[-1]
            action = parse_action(rollout.turn_text, plan.tags, plan.consultation.max_queries)
            rollout.count_action(action)
            if not (may_consult and isinstance(action, Consult)):
                break
            if self._room(rollout) < 1:
                rollout.counts["without_room"] += 1
                break
            if action.queries and await self._gate(rollout, self.thresholds[step], (*key, turn)):
                await self._consult(rollout, action, kwargs["extra_info"]["problem"], step, (*key, turn))
            else:
                rollout.count_unasked(len(action.queries))
                rollout.exchanges.append(Exchange.held_back(action.queries, rollout.turn_confidence))
                self._show(rollout, [None] * len(action.queries))
        extra = await self._internalized(rollout, kwargs["raw_prompt"][-1]) or await self._solution(rollout, kwargs)
        output = self._output(rollout)
        answer = kwargs["reward_model"]["ground_truth"]
        output.reward_score, reward = await self._reward(rollout.task, rollout.turn_text, len(rollout.ids), answer)
        output.extra_fields["reward_extra_info"] = reward
        if transcripts.is_kept(kwargs.get(transcripts.MARK), int(kwargs["global_steps"]), plan.run.budget.steps):
            reward[transcripts.FIELD] = transcripts.transcript(rollout, number, reward, kwargs)
        return output if extra is None else [extra, output]

    async def _begin(self, prompt: dict[str, Any], step: int) -> Rollout:
        """The rollout before its first turn, a hint in its prompt where one is shown; ``prompt`` is what verl knows."""
        plan, about = self.plan, prompt["extra_info"]
        ids, hint = await self.ct_build_initial_tokens(list(prompt["raw_prompt"])), about.get("hint")
        if hint is None:
            return Rollout(ids, task(about["task"]), begun=step)
        rho = plan.consultation.acceptance(step, plan.run.budget.steps)
        first = int(prompt.get("occurrence", 0)) * plan.run.budget.rollouts_per_prompt
        fate = fate_of(hint["fate"], rho, (plan.run.seed, int(prompt["global_steps"]), int(prompt["index"]), first))
        text = hint["text"] if fate == "shown" else None
        rollout = Rollout(ids + self._encode(text or ""), task(about["task"]), text, step)
        rollout.counts[f"hint_{fate}"] += 1
        return rollout

    async def _reward(self, kind: Task, text: str, tokens: int, answer: str) -> tuple[float, dict[str, Any]]:
        """The reward of a response of so many tokens, by its last turn, and what verl logs of it.

        Here and not in verl's reward worker: a rule takes microseconds, and a call to another process milliseconds. A
        grade that waits for others does so in a thread, while other rollouts go on.
        """
        run, limit = self.plan.run, self.plan.response_length
        if kind.waits:
            with self.plan.waits.on("a grade"):
                parts = await asyncio.to_thread(score, kind, text, answer, run.reward.answer)
        else:
            parts = score(kind, text, answer, run.reward.answer)
        overlong = run.optimiser.overlong
        penalty = 0.0 if overlong is None else overlong.reward(min(tokens, limit), limit)
        return parts["score"] + penalty, parts | {"overlong_reward": penalty}

    def _room(self, rollout: Rollout) -> int:
        return self.plan.response_length - len(rollout.ids)

    def _encode(self, text: str) -> list[int]:
        # Here and not in a thread: the text is short, and a thread's turn is waited for longer than the work takes.
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    async def _generate(self, rollout: Rollout, sampling_params: dict[str, Any], key: Key, may_consult: bool) -> None:
        params, tags = dict(sampling_params) | {"max_tokens": self._room(rollout)}, self.plan.tags
        if may_consult:
            params |= {"stop": [tags.consult_close], "include_stop_str_in_output": True}
            params["logprobs"] |= self.plan.measures_confidence
            tag = Tag(tags.consult_close, [], ends=True)
        else:
            params |= self.plan.ban
            tag = Tag(tags.consult_open, self.plan.forced, ends=False)
        name, prompt = "-".join(map(str, key)), rollout.prompt + rollout.ids
        with simple_timer("generate_sequences", rollout.seconds), self.plan.waits.on("the rollout engine"):
            turn = await write_turn(
                lambda ids, how: self.server_manager.generate(request_id=name, prompt_ids=ids, sampling_params=how),
                prompt, params, key, tag, self._decode, self.plan.end_tokens,
            )  # fmt: skip
        rollout.reread += turn.reread
        rollout.append_policy(turn.ids, self._decode(turn.ids), turn.log_probs, turn.fields)

    async def _gate(self, rollout: Rollout, threshold: float | None, key: Key) -> bool:
        """Whether the consultation that the policy has closed is let through; notes the policy's confidence."""
        consultation = self.plan.consultation
        settings = consultation.confidence
        sure = None
        if self.plan.measures_confidence:
            if settings.signal == "entropy":
                values = await self._entropies(rollout, settings.window, key)
            else:
                values = rollout.turn_log_probs
            sure = settings.measure(values)
            rollout.confidences.append(sure)
            rollout.turn_confidence = sure
        rollout.thresholds.append(threshold)
        p = consultation.chance(threshold)
        passed = gate(consultation.trigger, sure, threshold, uniform_draw("gate", *key), p)
        if passed and sure is not None and threshold is not None:
            rollout.low_confidence = bool(rollout.low_confidence) or sure < threshold
        return passed

    async def _entropies(self, rollout: Rollout, window: int, key: Key) -> list[float]:
        """Entropies of the distributions that the last tokens of the turn came from.

        verl's rollout server returns the log-probabilities of sampled tokens alone, so the engine is asked to read what
        it wrote and to return the most probable tokens at each place.
        """
        with self.plan.waits.on("the rollout engine"):
            output = await whole(
                lambda: self.server_manager.generate(
                    request_id="-".join(map(str, key)) + "-entropy",
                    prompt_ids=rollout.prompt + rollout.ids,
                    sampling_params={"max_tokens": 1, "temperature": 1.0, "prompt_logprobs": TOP_K},
                )
            )
        rollout.reread += len(rollout.prompt) + len(rollout.ids)
        size = min(window, len(rollout.turn_log_probs))
        # Row i belongs to token i + 1, and verl adds a row for the last one.
        return [top_k_entropy(row) for row in output.extra_fields["prompt_logprobs"][-size - 1 : -1]]

    async def _consult(self, rollout: Rollout, action: Consult, problem: str, step: int, key: Key) -> None:
        rho = self.plan.consultation.acceptance(step, self.plan.run.budget.steps)
        shown = [uniform_draw(*key, index) <= rho for index in range(len(action.queries))]
        spares = self.plan.consultation.pool.ask == "when_accepted"
        asked = [None if spares and not show else query for query, show in zip(action.queries, shown, strict=True)]
        replies: list[Reply | None] = [None] * len(asked)
        if any(query is not None for query in asked):
            with simple_timer("tool_calls", rollout.seconds):
                replies = await self.plan.pool.ask(asked, problem, sampling_seed("expert", *key))
        safe = [
            self._safe(reply) if show and reply is not None and reply.outcome == "answered" else None
            for reply, show in zip(replies, shown, strict=True)
        ]
        texts = neutralise_turn([words.text if words else None for words in safe], self.plan.forbidden, self.plan.tags)
        safe = [words.within_turn(text) if words else None for words, text in zip(safe, texts, strict=True)]
        rollout.count_replies(replies, shown, safe)
        rollout.exchanges.append(Exchange.settled(action.queries, replies, shown, texts, rollout.turn_confidence))
        self._show(rollout, texts)

    def _safe(self, reply: Reply) -> Neutralised:
        limit = self.plan.consultation.reply_max_characters
        return neutralise(reply.text, self.plan.forbidden, self.plan.tags.separator, limit)

    def _show(self, rollout: Rollout, texts: list[str | None]) -> None:
        """Append the environment's turn; None is shown as "unavailable", whatever the reason."""
        ids = self._encode(format_replies(texts, self.plan.tags))
        trained = self.plan.consultation.train_on_replies
        rollout.append_replies(ids, tuple(text for text in texts if text), trained)

    async def _internalized(self, rollout: Rollout, question: dict[str, str]) -> AgentLoopOutput | None:
        """The prompt as it is without consultation, and the solution as if there had been none.

        ``question`` is the user's turn, a message.

        None where there was no accepted reply, the rollout was cut, or the sample does not fit. Whether the rollout is
        right is not known here; the trainer drops the sample where it is not.
        """
        ended = bool(rollout.ids) and rollout.ids[-1] in self.plan.end_tokens
        internalization = self.plan.run.internalization
        if not (internalization.on and ended):
            return None
        text = rewrite(rollout.all_turns(), internalization.target, self.plan.tags)
        if text is None:
            return None
        instruction = self.plan.run.system_prompt
        system = [{"role": "system", "content": instruction}] if instruction else []
        prompt = await self.ct_build_initial_tokens([*system, question])
        ids = [*self._encode(text), rollout.ids[-1]]
        if len(ids) > self.plan.response_length:
            return None
        return AgentLoopOutput(
            prompt_ids=prompt,
            response_ids=ids,
            response_mask=[1] * len(ids),
            response_logprobs=[math.nan] * len(ids),
            num_turns=2,
            metrics=AgentLoopMetrics(),
            extra_fields=self._fields(rollout),
        )

    async def _solution(self, rollout: Rollout, prompt: dict[str, Any]) -> AgentLoopOutput | None:
        """The row of the solution that comes with this rollout, one with each of the first of a group; or None.

        Its masks are 0, as padding's are, until the trainer gives it a place in the group.
        """
        solutions, place = prompt["extra_info"].get("solutions", ()), int(prompt["session_id"])
        if place >= len(solutions):
            return None
        text = solutions[place]
        ids = [*self._encode(text), self.tokenizer.eos_token_id]
        reward, _ = await self._reward(rollout.task, text, len(ids), prompt["reward_model"]["ground_truth"])
        return AgentLoopOutput(
            prompt_ids=rollout.prompt,
            response_ids=ids,
            response_mask=[0] * len(ids),
            response_logprobs=[math.nan] * len(ids),
            num_turns=2,
            metrics=AgentLoopMetrics(),
            # verl gives every row of a rollout the rollout's own reward.
            extra_fields=self._fields(rollout) | {"expert_reward": reward},
        )

    def _output(self, rollout: Rollout) -> AgentLoopOutput:
        length = self.plan.response_length
        return AgentLoopOutput(
            prompt_ids=rollout.prompt,
            response_ids=rollout.ids[:length],
            response_mask=rollout.mask[:length],
            response_logprobs=rollout.log_probs[:length],
            num_turns=2 + 2 * rollout.counts["consultations"],
            metrics=AgentLoopMetrics(**rollout.seconds),
            extra_fields=self._fields(rollout),
        )

    def _fields(self, rollout: Rollout) -> dict[str, Any]:
        facts = rollout.facts(self.plan.response_length)
        facts["consultation_s"] = rollout.seconds.get("tool_calls", 0.0)
        return rollout.engine_fields | {"consultation": facts, "final_turn": rollout.turn_text}
