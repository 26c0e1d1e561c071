"""verl's synchronous V1 trainer with what this project adds by its hooks.

A fixed order of data, the dual reward, the weight of internalization samples, the confidence threshold, own metrics.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
import transfer_queue
from omegaconf import DictConfig
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.main_ppo import TaskRunnerV1
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils import tensordict_utils
from verl.workers.rollout.llm_server import LLMServerClient

from eapo_verl.engine.batching import spread, submission_order
from eapo_verl.engine.llm_client import SoleServerClient
from eapo_verl.engine.mismatch import is_measured, mismatch_kl
from eapo_verl.engine.replay_buffer import final_outputs
from eapo_verl.experts.health import ExpertsUnavailable, FailureWindow, unavailable_message
from eapo_verl.experts.reply import OUTCOMES
from eapo_verl.method.internalization import sample_weights
from eapo_verl.method.objective import Parts, RolloutFacts, advantage_factor, shape_group
from eapo_verl.record import transcripts
from eapo_verl.record.step_log import PREFIX, StepLog
from eapo_verl.record.step_metrics import summarise
from eapo_verl.settings.run import read_run

TRAINER_NAME = "eapo_sync"
_STATE_FILE = "eapo_state.json"


@register_trainer(TRAINER_NAME)
class EAPOTrainer(PPOTrainerSync):
    """The sync trainer; see the overridden hooks for each difference."""

    def __init__(self, config: DictConfig) -> None:
        # verl finds the trainer by this name and then asks in many places whether it is "sync".
        config.trainer.v1.trainer_mode = "sync"
        super().__init__(config)
        run = read_run(config.eapo.run)
        self._run = run
        steps = run.budget.steps
        self._consults = run.consultation.possible
        self._acceptance = run.consultation.acceptance.schedule(steps)
        self._turn_budget = run.consultation.turns.budget(steps)
        self._bonus, self._cost = run.reward.bonus.weight(steps), run.reward.cost.weight(steps)
        self._internalization = run.internalization.weight.weight(steps)
        self._mini_batches = run.budget.mini_batches
        pool = run.consultation.pool
        self._failures = FailureWindow(pool.failure_window, pool.failure_limit)
        self._outcomes: dict[str, int] = {}
        #: What a checkpoint holds beside verl's own: the running threshold and the number of prompts asked for.
        self._threshold: float | None = None
        self._prompts_submitted = 0
        #: ``extra_fields`` of the step's rows, and the parts of its rollouts' rewards, by key.
        self._rollouts: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, Parts] = {}
        self._summary: dict[str, float | int | None] = {}

    def on_init_end(self) -> None:
        """As verl's, the first weight synchronisation; then everything is there."""
        super().on_init_end()
        print("start-up: trainer and rollout engine ready", flush=True)

    # What goes into a step.

    def get_llm_client(self) -> LLMServerClient:
        """As verl's, but straight to the server where there is one."""
        alone = len(self.llm_server_manager.get_replicas()) == 1
        return self.llm_server_manager.get_client(SoleServerClient if alone else None)

    def _next_train_batch(self, num_prompts: int | None = None) -> TensorDict:
        batch = super()._next_train_batch(num_prompts)
        tensordict_utils.assign_non_tensor_data(batch, "confidence_threshold", self._threshold)
        # Not of the prompts that dynamic sampling asks for later: what they are depends on those before.
        groups = self._run.transcripts.groups_per_step if num_prompts is None else 0
        tensordict_utils.assign_non_tensor_stack(batch, transcripts.MARK, [row < groups for row in range(len(batch))])
        return batch

    def _fetch_one_gen_batch(self) -> TensorDict:
        """As verl's, with names for the prompts that are the same in every run of the same seed."""
        batch = super()._fetch_one_gen_batch()
        names = [f"{self.global_steps:08d}-{self._prompts_submitted + row:012d}" for row in range(len(batch))]
        self._prompts_submitted += len(batch)
        tensordict_utils.assign_non_tensor_stack(batch, "uid", names)
        return batch

    def on_step_begin(self) -> None:
        """Stop where experts have failed too often; the step in which they did is in the log by now."""
        if self._failures.exceeded:
            raise ExpertsUnavailable(unavailable_message(self._failures, self._outcomes))

    # Rows and mini-batches.

    def _get_required_batch_multiple(self, dp_size: int) -> int:
        """Rows are a multiple of this: internalization samples make mini-batches larger, and not more."""
        return self._mini_batches * math.lcm(dp_size, self.config.actor_rollout_ref.rollout.n)

    def _balance_batch(self, batch: KVBatchMeta, metrics: dict, *args: Any, **kwargs: Any) -> KVBatchMeta:
        """As verl's, on rollouts in the order they were asked for, without samples that there is nothing to learn from.

        Rollouts arrive in the order in which they finished, which differs from run to run and decides what shares a
        mini-batch.
        """
        finals = set(final_outputs(batch.keys))
        self._rollouts = self._fields(batch)
        idle = [key for key in batch.keys if key not in finals and not _is_right(self._rollouts[key])]
        if idle:
            transfer_queue.kv_clear(keys=idle, partition_id=batch.partition_id)
        batch = batch.select_keys(sorted(set(batch.keys) - set(idle), key=submission_order))
        batch = super()._balance_batch(batch, metrics, *args, **kwargs)
        padding = [bool(tag.get("is_padding", False)) for tag in batch.tags]
        if any(padding):
            batch.reorder(spread(range(len(batch)), padding, self._mini_batches))
        return batch

    def _update_actor(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        rows = len(batch) // self._mini_batches
        self.config.actor_rollout_ref.actor.ppo_mini_batch_size = rows // self.config.actor_rollout_ref.rollout.n
        return super()._update_actor(batch, metrics)

    # Log-probabilities, rewards and advantages.

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        """As verl's, by the trainer; how far the engine's own are from them is one number, of the real rollouts."""
        batch = super()._compute_old_log_prob(batch, metrics)
        self._summary["mismatch_kl"] = None
        if not is_measured(self.global_steps, self._run.budget.validate_every):
            return batch
        data = transfer_queue.kv_batch_get(
            keys=self._real(batch),
            partition_id=batch.partition_id,
            select_fields=["rollout_log_probs", "old_log_probs"],
        )
        engine, trainer = data["rollout_log_probs"].unbind(), data["old_log_probs"].unbind()
        self._summary["mismatch_kl"] = mismatch_kl(zip(engine, trainer, strict=True))
        return batch

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        """As verl's, after the dual reward, and with internalization samples weighted."""
        real = self._real(batch)
        self._parts = self._shape(batch, real)
        batch = super()._compute_advantage(batch, metrics)
        factors = self._factors(real)
        rest = set(batch.keys) - set(real)
        extra = {key: factors[_rollout(key)] for key in batch.keys if key in rest and _rollout(key) in factors}
        self._summary["internalized"] = self._weigh(batch, extra) if extra else 0
        # A factor of 0 is that of a group without any contrast, whose advantages are 0 already.
        sized = {key: factor for key in real if (factor := factors[_rollout(key)]) not in (0.0, 1.0)}
        if sized:
            self._scale(batch, sized)
        return batch

    def _shape(self, batch: KVBatchMeta, real: list[str]) -> dict[str, Parts]:
        """The parts of each rollout's reward; where there is a bonus or a cost, the rewards become their totals."""
        scores = transfer_queue.kv_batch_get(keys=real, partition_id=batch.partition_id, select_fields=["rm_scores"])
        facts = {
            key: _rollout_facts(self._rollouts[key], float(score.sum()))
            for key, score in zip(real, scores["rm_scores"].unbind(), strict=True)
        }
        if not self._run.reward.dual:
            return {key: Parts(fact.answer_score) for key, fact in facts.items()}
        bonus, cost = self._bonus(self.global_steps), self._cost(self.global_steps)
        parts: dict[str, Parts] = {}
        for group in _groups(real):
            parts |= zip(group, shape_group([facts[key] for key in group], bonus, cost), strict=True)
        shaped = {}
        for key, score in zip(real, scores["rm_scores"].unbind(), strict=True):
            if parts[key].total != parts[key].answer:
                shaped[key] = torch.zeros_like(score)
                shaped[key][-1] = parts[key].total
        if shaped:
            self._put(batch, list(shaped), "rm_scores", list(shaped.values()))
        return parts

    def _factors(self, real: list[str]) -> dict[str, float]:
        """By rollout, what its advantage is multiplied with so that a bonus or a cost keeps its size."""
        if not (self._run.reward.dual and self._run.optimiser.normalise_by_std):
            return {_rollout(key): 1.0 for key in real}
        factors: dict[str, float] = {}
        for group in _groups(real):
            factors |= dict.fromkeys(map(_rollout, group), advantage_factor([self._parts[key] for key in group]))
        return factors

    def _weigh(self, batch: KVBatchMeta, extra: dict[str, float]) -> int:
        """Multiply the advantages of internalization samples, which are their rollouts' own, with weights and factors.

        Returns:
            how many of them are learned from.
        """
        keys = list(extra)
        data = transfer_queue.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=["advantages"])
        advantages = [float(row[0]) for row in data["advantages"].unbind()]
        right = [_is_right(self._rollouts[key]) for key in keys]
        weights = sample_weights(advantages, right, self._internalization(self.global_steps))
        self._scale(batch, {key: extra[key] * weight for key, weight in zip(keys, weights, strict=True)})
        return sum(weight > 0.0 for weight in weights)

    def _scale(self, batch: KVBatchMeta, factors: dict[str, float]) -> None:
        keys = list(factors)
        data = transfer_queue.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=["advantages"])
        rows = zip(data["advantages"].unbind(), factors.values(), strict=True)
        self._put(batch, keys, "advantages", [row * factor for row, factor in rows])

    @staticmethod
    def _put(batch: KVBatchMeta, keys: list[str], field: str, rows: list[torch.Tensor]) -> None:
        nested = torch.nested.as_nested_tensor(rows, layout=torch.jagged)
        fields = TensorDict({field: nested}, batch_size=len(keys))
        transfer_queue.kv_batch_put(keys=keys, partition_id=batch.partition_id, fields=fields)

    # Logs and checkpoints.

    def on_validate_begin(self) -> None:
        self._attach_step_log()

    def on_train_begin(self) -> None:
        self._attach_step_log()

    def _attach_step_log(self) -> None:
        """Add ``metrics.jsonl`` to verl's loggers; they exist from the first of the two hooks above on."""
        if "step_log" not in self.logger.logger:
            label = f"{self._run.method} seed {self._run.seed}"
            self.logger.logger["step_log"] = StepLog(
                Path(self.config.eapo.metrics_file), label, self.total_training_steps, self.global_steps
            )

    def step(self, metrics: dict, timing_raw: dict) -> KVBatchMeta:
        """As verl's; afterwards what its rollouts tell is known, before a checkpoint is written."""
        threshold = self._threshold
        batch = super().step(metrics, timing_raw)
        real = self._real(batch)
        rollouts = [self._rollouts[key] for key in real]
        parts, discarded = [self._parts[key] for key in real], self.replay_buffer.collect()
        self._summary |= summarise(rollouts, parts, discarded)
        self._transcripts.add_step(self.global_steps, rollouts, parts, discarded)
        self._summary |= {
            "acceptance_rate": self._acceptance(self.global_steps) if self._consults else 0.0,
            "turn_budget": self._turn_budget(self.global_steps) if self._consults else 0,
            "confidence_threshold": threshold,
        }
        confidences = [value for fields in rollouts for value in fields["consultation"]["confidences"]]
        self._threshold = self._run.consultation.confidence.running()(self._threshold, confidences)
        self._outcomes = {name: int(self._summary[name] or 0) for name in OUTCOMES}
        self._failures.add(sum(self._outcomes.values()), self._outcomes["timed_out"] + self._outcomes["failed"])
        return batch

    def _compute_metrics(
        self, batch: KVBatchMeta, metrics: dict, timing_raw: dict, global_steps: int, epoch: int
    ) -> None:
        """verl's metrics of the real rollouts, and ours."""
        rollouts = batch.select_keys(self._real(batch))
        super()._compute_metrics(rollouts, metrics, timing_raw, global_steps=global_steps, epoch=epoch)
        # verl's loggers take numbers only.
        metrics |= {PREFIX + name: value for name, value in self._summary.items() if value is not None}

    def _val_metrics_update(
        self, data_sources: list, sample_uids: list, reward_extra_infos_dict: dict, *args: Any, **kwargs: Any
    ) -> dict[str, float]:
        """verl's metrics of the accuracy alone: it resamples every number of every prompt a thousand times."""
        self._transcripts.add_validation(self.global_steps, reward_extra_infos_dict.get(transcripts.FIELD, ()))
        accuracy = {"acc": reward_extra_infos_dict["acc"]}
        return dict(super()._val_metrics_update(data_sources, sample_uids, accuracy, *args, **kwargs))

    def _save_checkpoint(self) -> None:
        folder = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"
        folder.mkdir(parents=True, exist_ok=True)
        state = {"confidence_threshold": self._threshold, "prompts_submitted": self._prompts_submitted}
        # Before verl's own, which ends with naming this checkpoint as the one to go on from.
        (folder / _STATE_FILE).write_text(json.dumps(state), encoding="utf-8")
        super()._save_checkpoint()

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        folder = Path(self.config.trainer.default_local_dir)
        self._transcripts = transcripts.TranscriptLog(folder / transcripts.FILE, last_step=self.global_steps)
        if self.global_steps:
            folder = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"
            state = json.loads((folder / _STATE_FILE).read_text(encoding="utf-8"))
            self._threshold, self._prompts_submitted = state["confidence_threshold"], state["prompts_submitted"]

    @staticmethod
    def _real(batch: KVBatchMeta) -> list[str]:
        """The keys of rollouts, without internalization samples and padding."""
        padding = {key for key, tag in zip(batch.keys, batch.tags, strict=True) if tag.get("is_padding", False)}
        return [key for key in final_outputs(batch.keys) if key not in padding]

    @staticmethod
    def _fields(batch: KVBatchMeta) -> dict[str, dict[str, Any]]:
        data = transfer_queue.kv_batch_get(
            keys=batch.keys, partition_id=batch.partition_id, select_fields=["extra_fields"]
        )
        return dict(zip(batch.keys, data["extra_fields"], strict=True))


def _groups(keys: list[str]) -> list[list[str]]:
    """The keys of each prompt's rollouts, in order."""
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(key.rsplit("_", 2)[0], []).append(key)
    return list(groups.values())


def _rollout(key: str) -> str:
    return key.rsplit("_", 1)[0]


def _is_right(fields: dict[str, Any]) -> bool:
    return bool(fields["reward_extra_info"]["acc"])


def _rollout_facts(fields: dict[str, Any], score: float) -> RolloutFacts:
    counts = fields["consultation"]
    return RolloutFacts(
        score,
        _is_right(fields),
        counts["consultations"],
        counts["accepted"],
        counts["low_confidence"],
    )


class TaskRunner(TaskRunnerV1.__ray_metadata__.modified_class):
    """verl's task runner; it lives in its own Ray process, where this module's trainer has to be registered."""

    def run(self, config: DictConfig) -> None:
        """Train to the end of ``config.trainer.total_training_steps``."""
        config.trainer.v1.trainer_mode = TRAINER_NAME
        super().run(config)
