"""What this project adds to verl's V1 trainers, synchronous or not, by their hooks.

A fixed order of data, the dual reward, the weight of internalization samples, the confidence threshold, own metrics.
"""

import json
import math
from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import Any

import transfer_queue
from omegaconf import DictConfig
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils import tensordict_utils
from verl.workers.rollout.llm_server import LLMServerClient

from eapo_verl.engine import rows
from eapo_verl.engine.batching import final_outputs, groups, rollout_of, submission_order
from eapo_verl.engine.failures import check_failures, report_failures
from eapo_verl.engine.internalized import weigh
from eapo_verl.engine.llm_client import SoleServerClient
from eapo_verl.engine.mismatch import is_measured, mismatch_kl
from eapo_verl.engine.step_costs import step_costs
from eapo_verl.experts.health import ExpertsUnavailable, FailureWindow, unavailable_message
from eapo_verl.experts.reply import OUTCOMES
from eapo_verl.method.objective import Parts, RolloutFacts, shape_group
from eapo_verl.record import checkpoints, transcripts
from eapo_verl.record.files import write_whole
from eapo_verl.record.step_log import PREFIX, StepLog
from eapo_verl.record.step_metrics import VALIDATION_OUTCOME, counted, summarise
from eapo_verl.settings.run import read_run

_STATE_FILE = "eapo_state.json"


class EAPOTrainer(PPOTrainer):
    """Before one of verl's trainers; see the overridden hooks for each difference."""

    def __init__(self, config: DictConfig) -> None:
        run = read_run(config.eapo.run)
        # verl finds the trainer by the name of ours and then asks in many places whether it is "sync".
        config.trainer.v1.trainer_mode = run.trainer
        super().__init__(config)
        self._run = run
        self._mini_batches = run.budget.mini_batches
        #: Data-parallel ranks of the actor; known from the first batch on.
        self._ranks = 1
        self.replay_buffer.before_choice = self._check_rollouts
        pool = run.consultation.pool
        self._failures = FailureWindow(pool.failure_window, pool.failure_limit)
        self._outcomes: dict[str, int] = {}
        #: What a checkpoint holds beside verl's own: the running threshold and the number of prompts asked for.
        self._threshold = run.consultation.confidence.threshold
        self._prompts_submitted = 0
        #: How often each problem, by its index, was drawn in this step.
        self._drawn: Counter[int] = Counter()
        #: Of how many of the next prompts that are asked for the rollouts are written down.
        self._transcribed = run.transcripts.groups_per_step
        #: ``extra_fields`` of the step's rows, and the parts of its rollouts' rewards, by key.
        self._rollouts: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, Parts] = {}
        #: ``extra_fields`` of all rollouts that the step has cost, those that are not learned from as well.
        self._paid: list[dict[str, Any]] = []
        self._summary: dict[str, float | int | None] = {}

    def on_init_end(self) -> None:
        """As verl's, the first weight synchronisation; then everything is there."""
        super().on_init_end()
        workers = self.actor_rollout_wg
        update, log_prob = workers.update_actor, workers.compute_log_prob

        def update_over_rollouts(batch: KVBatchMeta) -> Any:
            # verl's sequence-wise means are over all rows of a mini-batch, padding included.
            batch.extra_info["global_batch_size"] = len(self._members(batch)) / self._mini_batches
            return update(rows.only(batch))

        workers.update_actor = update_over_rollouts
        workers.compute_log_prob = lambda batch: log_prob(rows.only(batch, rows.FORWARD))
        print("start-up: trainer and rollout engine ready", flush=True)

    # What goes into a step.

    def get_llm_client(self) -> LLMServerClient:
        """As verl's, but straight to the server where there is one."""
        alone = len(self.llm_server_manager.get_replicas()) == 1
        return self.llm_server_manager.get_client(SoleServerClient if alone else None)

    def _next_train_batch(self, num_prompts: int | None = None) -> TensorDict:
        batch = super()._next_train_batch(num_prompts)
        # Not of the prompts that are asked for later in the step: what they are depends on those before.
        groups, self._transcribed = self._transcribed, 0
        tensordict_utils.assign_non_tensor_stack(batch, transcripts.MARK, [row < groups for row in range(len(batch))])
        return batch

    def _fetch_one_gen_batch(self) -> TensorDict:
        """As verl's, with names for the prompts that are the same in every run of the same seed.

        A problem that is drawn again in a step (by dynamic sampling, or where an epoch ends) is not rolled out as
        before: ``occurrence`` counts.
        """
        batch = super()._fetch_one_gen_batch()
        occurrences = []
        for index in map(int, batch["index"]):
            occurrences.append(self._drawn[index])
            self._drawn[index] += 1
        tensordict_utils.assign_non_tensor_stack(batch, "occurrence", occurrences)
        tensordict_utils.assign_non_tensor_stack(batch, "submitted", [self.global_steps] * len(batch))
        names = [f"{self.global_steps:08d}-{self._prompts_submitted + row:012d}" for row in range(len(batch))]
        self._prompts_submitted += len(batch)
        tensordict_utils.assign_non_tensor_stack(batch, "uid", names)
        return batch

    def on_step_begin(self) -> None:
        """Stop where experts have failed too often; the step in which they did is in the log by now."""
        if self._failures.exceeded:
            raise ExpertsUnavailable(unavailable_message(self._failures, self._outcomes))
        # Of the last one's columns this step may lack some.
        self._summary.clear()
        self._transcribed = self._run.transcripts.groups_per_step

    def _reissue_inflight_prompts(self, *args: Any, **kwargs: Any) -> int:
        """As verl's, which is called before the first step; nobody rolls out before it knows the threshold."""
        self.agent_loop_manager.announce(self.global_steps, self._threshold)
        return super()._reissue_inflight_prompts(*args, **kwargs)

    def _check_rollouts(self, uids: list[str], waiting: Set[str]) -> None:
        """Count the rollouts that failed, before the step learns from the others, and stop where they are too many."""
        errors = self.agent_loop_manager.take_errors("train", waiting)
        report_failures(errors, f"step {self.global_steps}")
        self._summary["failed_rollouts"] = len(errors)
        budget = self._run.budget
        check_failures(errors, len(uids) * budget.rollouts_per_prompt, budget.failed_rollouts, self.global_steps)

    # Rows and mini-batches.

    def _get_required_batch_multiple(self, dp_size: int) -> int:
        """Rows are a multiple of this: internalization samples make mini-batches larger, and not more."""
        self._ranks = dp_size
        return self._mini_batches * math.lcm(dp_size, self.config.actor_rollout_ref.rollout.n)

    def _balance_batch(self, batch: KVBatchMeta, metrics: dict, *args: Any, **kwargs: Any) -> KVBatchMeta:
        """As verl's, on rollouts in the order they were asked for, without samples that there is nothing to learn from.

        Rollouts arrive in the order in which they finished, which differs from run to run and decides what shares a
        mini-batch.
        """
        finals = set(final_outputs(batch.keys))
        (fields,) = rows.get(batch.partition_id, batch.keys, "extra_fields")
        self._rollouts = dict(zip(batch.keys, fields, strict=True))
        idle = [key for key in batch.keys if key not in finals and not self._may_teach(key)]
        if idle:
            transfer_queue.kv_clear(keys=idle, partition_id=batch.partition_id)
        batch = batch.select_keys(sorted(set(batch.keys) - set(idle), key=submission_order))
        batch = super()._balance_batch(batch, metrics, *args, **kwargs)
        metrics |= rows.arrange(batch, set(self._members(batch)), self._mini_batches, self._ranks)
        return batch

    def _members(self, batch: KVBatchMeta) -> list[str]:
        """The keys of the rows that the mean of the loss is over: the real rollouts."""
        return rows.rollouts(batch)

    def _may_teach(self, key: str) -> bool:
        """Whether there is something to learn from an extra row; from an internalization sample if it is right."""
        return rows.is_right(self._rollouts[key])

    def _update_actor(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        size = len(batch) // self._mini_batches
        self.config.actor_rollout_ref.actor.ppo_mini_batch_size = size // self.config.actor_rollout_ref.rollout.n
        return super()._update_actor(batch, metrics)

    # Log-probabilities, rewards and advantages.

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        """As verl's, by the trainer; how far the engine's own are from them is one number, of the real rollouts."""
        batch = super()._compute_old_log_prob(batch, metrics)
        self._summary["mismatch_kl"] = None
        if not is_measured(self.global_steps, self._run.budget.validate_every):
            return batch
        engine, trainer = rows.get(batch.partition_id, rows.rollouts(batch), "rollout_log_probs", "old_log_probs")
        self._summary["mismatch_kl"] = mismatch_kl(zip(engine, trainer, strict=True))
        return batch

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        """As verl's, of the answers; then bonus, cost and penalty are added, and internalization samples weighted.

        Equations: :mod:`eapo_verl.method.objective`, :mod:`eapo_verl.method.internalization`.
        """
        real = rows.rollouts(batch)
        if self._run.corrected:
            rows.fill(batch, "rollout_log_probs", "old_log_probs")
        batch = super()._compute_advantage(batch, metrics)
        weights = self._run.reward.weights(*self._when)
        columns = rows.get(batch.partition_id, real, "response_mask", "advantages", "rm_scores")
        masks, advantages, scores = (dict(zip(real, column, strict=True)) for column in columns)
        made = {key: rows.shared_value(advantages[key], masks[key]) for key in real}
        shaped: dict[str, float] = {}
        answers: dict[str, float] = {}
        self._parts = {}
        for group in groups(real):
            facts = [self._facts(key, float(scores[key].sum())) for key in group]
            result = shape_group(facts, [made[key] for key in group], *weights)
            self._parts |= zip(group, result.parts, strict=True)
            shaped |= zip(group, result.advantages, strict=True)
            answers |= zip(map(rollout_of, group), result.answer_advantages, strict=True)
        changed = [key for key in real if shaped[key] != made[key]]
        rows.put(batch.partition_id, changed, advantages=[shaped[key] * masks[key].float() for key in changed])
        extra = [key for key in batch.keys if key not in made and rollout_of(key) in answers]
        self._summary["internalized"] = weigh(
            batch.partition_id,
            extra,
            [rows.is_right(self._rollouts[key]) for key in extra],
            [answers[rollout_of(key)] for key in extra],
            self._run.internalization.weight(*self._when),
        )
        return batch

    def _facts(self, key: str, score: float) -> RolloutFacts:
        fields = self._rollouts[key]
        return RolloutFacts.of(score, rows.is_right(fields), fields["consultation"])

    # Logs and checkpoints.

    def on_validate_begin(self) -> None:
        self._attach_step_log()

    def on_train_begin(self) -> None:
        self._attach_step_log()
        super().on_train_begin()

    def _attach_step_log(self) -> None:
        """Add ``metrics.jsonl`` to verl's loggers; they exist from the first of the two hooks above on."""
        if "step_log" not in self.logger.logger:
            label = f"{self._run.method} seed {self._run.seed}"
            self._step_log = StepLog(
                Path(self.config.eapo.metrics_file), label, self.total_training_steps, self.global_steps
            )
            self.logger.logger["step_log"] = self._step_log

    def step(self, metrics: dict, timing_raw: dict) -> KVBatchMeta:
        """As verl's; afterwards what its rollouts tell is known, before a checkpoint is written."""
        batch = super().step(metrics, timing_raw)
        real = rows.rollouts(batch)
        rollouts = [self._rollouts[key] for key in real]
        parts, unused = [self._parts[key] for key in real], self.replay_buffer.collect()
        self._summary |= summarise(rollouts, parts, *unused)
        self._paid = [*rollouts, *unused[0], *unused[1]]
        epochs = self.config.actor_rollout_ref.actor.ppo_epochs
        self._summary |= {"prompts_seen": self._drawn.total(), "optimiser_steps": self._mini_batches * epochs}
        self._drawn.clear()
        self._summary |= step_costs(batch, epochs, passes=1 + self.use_reference_policy)
        self._transcripts.add_step(self.global_steps, rollouts, parts, [*unused[0], *unused[1]])
        self._summary |= self._in_force(rollouts)
        confidences = [value for fields in rollouts for value in fields["consultation"]["confidences"]]
        self._threshold = self._run.consultation.confidence.follow(self._threshold, confidences)
        self.agent_loop_manager.announce(self.global_steps + 1, self._threshold)
        self._outcomes = {name: int(self._summary[name] or 0) for name in OUTCOMES}
        self._failures.add(sum(self._outcomes.values()), self._outcomes["timed_out"] + self._outcomes["failed"])
        return batch

    def _in_force(self, rollouts: list[dict[str, Any]]) -> dict[str, float | int | None]:
        """What held for the rollouts of a step: acceptance, turns and the threshold of confidence."""
        consultation = self._run.consultation
        return {
            "acceptance_rate": consultation.acceptance(*self._when) if consultation.possible or self._run.hint else 0.0,
            "turn_budget": consultation.turns(*self._when) if consultation.possible else 0,
            "confidence_threshold": self._threshold,
        }

    def _compute_metrics(
        self, batch: KVBatchMeta, metrics: dict, timing_raw: dict, global_steps: int, epoch: int
    ) -> None:
        """verl's metrics of the real rollouts, and ours."""
        rollouts = batch.select_keys(rows.rollouts(batch))
        super()._compute_metrics(rollouts, metrics, timing_raw, global_steps=global_steps, epoch=epoch)
        # verl's loggers take numbers only.
        metrics |= {PREFIX + name: value for name, value in self._summary.items() if value is not None}

    def _val_metrics_update(
        self, data_sources: list, sample_uids: list, reward_extra_infos_dict: dict, *args: Any, **kwargs: Any
    ) -> dict[str, float]:
        """verl's metrics of the accuracy alone: it resamples every number of every prompt a thousand times."""
        self._transcripts.add_validation(self.global_steps, reward_extra_infos_dict.get(transcripts.FIELD, ()))
        accuracy = {"acc": reward_extra_infos_dict["acc"]}
        errors = self.agent_loop_manager.take_errors("val")
        report_failures(errors, f"validation at step {self.global_steps}")
        metrics = dict(super()._val_metrics_update(data_sources, sample_uids, accuracy, *args, **kwargs))
        outcomes = counted(reward_extra_infos_dict["outcome"], VALIDATION_OUTCOME)
        return (
            metrics
            | {f"{PREFIX}{name}": n for name, n in outcomes.items()}
            | {f"{PREFIX}failed_validation_rollouts": len(errors)}
        )

    def _save_checkpoint(self) -> None:
        folder = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"
        folder.mkdir(parents=True, exist_ok=True)
        state = {"confidence_threshold": self._threshold, "prompts_submitted": self._prompts_submitted}
        write_whole(folder / _STATE_FILE, json.dumps(state))
        super()._save_checkpoint()
        checkpoints.seal(folder)

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        folder = Path(self.config.trainer.default_local_dir)
        self._transcripts = transcripts.TranscriptLog(folder / transcripts.FILE, last_step=self.global_steps)
        if self.global_steps:
            state = json.loads((folder / f"global_step_{self.global_steps}" / _STATE_FILE).read_text(encoding="utf-8"))
            self._threshold, self._prompts_submitted = state["confidence_threshold"], state["prompts_submitted"]

    @property
    def _when(self) -> tuple[int, int]:
        """What a schedule is asked for: this step, of how many."""
        return self.global_steps, self._run.budget.steps
