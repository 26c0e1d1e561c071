"""verl's synchronous V1 trainer with what this project adds by its hooks: a fixed order of data, own metrics."""

from pathlib import Path
from typing import Any

import numpy as np
import transfer_queue
from omegaconf import DictConfig
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.main_ppo import TaskRunnerV1
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils import tensordict_utils

from eapo_verl.experts import OUTCOMES
from eapo_verl.settings import Consultation
from eapo_verl.step_log import PREFIX, StepLog

TRAINER_NAME = "eapo_sync"


@register_trainer(TRAINER_NAME)
class EAPOTrainer(PPOTrainerSync):
    """The sync trainer; see the overridden hooks for each difference."""

    def __init__(self, config: DictConfig) -> None:
        # verl finds the trainer by this name and then asks in many places whether it is "sync".
        config.trainer.v1.trainer_mode = "sync"
        super().__init__(config)
        settings = Consultation(**config.eapo.consultation)
        self._acceptance = settings.acceptance.schedule(config.eapo.total_steps)
        self._turn_budget = settings.turn_budget(config.eapo.total_steps)
        self._consults = config.actor_rollout_ref.rollout.agent.default_agent_loop == "consulting"
        self._prompts_submitted = 0

    def _build_replay_buffer(self) -> ReplayBuffer:
        buffer = super()._build_replay_buffer()
        buffer.poll_interval = self.config.eapo.poll_interval_s
        return buffer

    def on_validate_begin(self) -> None:
        self._attach_step_log()

    def on_train_begin(self) -> None:
        self._attach_step_log()

    def _attach_step_log(self) -> None:
        """Add ``metrics.jsonl`` to verl's loggers; they exist from the first of the two hooks above on."""
        if "step_log" not in self.logger.logger:
            node = self.config.eapo
            self.logger.logger["step_log"] = StepLog(
                Path(node.metrics_file), node.label, self.total_training_steps, self.global_steps
            )

    def _fetch_one_gen_batch(self) -> TensorDict:
        """As verl's, with names for the prompts that are the same in every run of the same seed."""
        batch = super()._fetch_one_gen_batch()
        names = [f"{self.global_steps:08d}-{self._prompts_submitted + row:012d}" for row in range(len(batch))]
        self._prompts_submitted += len(batch)
        tensordict_utils.assign_non_tensor_stack(batch, "uid", names)
        return batch

    def _balance_batch(self, batch: KVBatchMeta, metrics: dict, *args: Any, **kwargs: Any) -> KVBatchMeta:
        """Put rollouts in the order they were asked for: they arrive in the order in which they finished, which differs
        from run to run and decides what shares a mini-batch."""
        order = sorted(range(len(batch.keys)), key=lambda row: _key_order(batch.keys[row]))
        batch.reorder(order)
        return super()._balance_batch(batch, metrics, *args, **kwargs)

    def _compute_metrics(
        self, batch: KVBatchMeta, metrics: dict, timing_raw: dict, global_steps: int, epoch: int
    ) -> None:
        super()._compute_metrics(batch, metrics, timing_raw, global_steps=global_steps, epoch=epoch)
        data = transfer_queue.kv_batch_get(
            keys=batch.keys, partition_id=batch.partition_id, select_fields=["extra_fields"]
        )
        ours = summarise(list(data["extra_fields"])) | {
            "acceptance_rate": self._acceptance(global_steps) if self._consults else 0.0,
            "turn_budget": self._turn_budget(global_steps) if self._consults else 0,
        }
        # verl's loggers take numbers only.
        metrics |= {PREFIX + name: value for name, value in ours.items() if value is not None}


def _key_order(key: str) -> tuple[str, int, int]:
    prompt, rollout, output = key.rsplit("_", 2)
    return prompt, int(rollout), int(output)


def summarise(extra_fields: list[dict[str, Any]]) -> dict[str, float | int | None]:
    """One step's rollouts in numbers: accuracies and consult rate as fractions, everything else as counts.

    Args:
        extra_fields: of each rollout, as the agent loop and the reward hook left them.

    Returns:
        accuracy_train; accuracy_train_assisted and accuracy_train_unassisted (None where there was no such rollout),
        a rollout being assisted if a reply was accepted; answered_rate; consult_rate, the fraction that consulted;
        then summed over rollouts: queries, malformed, accepted, annealed, each outcome, expert_tokens, policy_tokens,
        cut_tokens.
    """
    counts = [fields["consultation"] for fields in extra_fields]
    rewards = [fields["reward_extra_info"] for fields in extra_fields]
    right = np.array([reward["acc"] for reward in rewards], dtype=float)
    assisted = np.array([count["accepted"] > 0 for count in counts], dtype=bool)
    summed = (
        "queries",
        "malformed",
        "accepted",
        "annealed",
        *OUTCOMES,
        "expert_tokens",
        "policy_tokens",
        "cut_tokens",
    )
    return {
        "accuracy_train": float(right.mean()),
        "accuracy_train_assisted": float(right[assisted].mean()) if assisted.any() else None,
        "accuracy_train_unassisted": float(right[~assisted].mean()) if not assisted.all() else None,
        "answered_rate": float(np.mean([reward["answered"] for reward in rewards])),
        "consult_rate": float(np.mean([count["consultations"] > 0 for count in counts])),
        **{name: int(sum(count[name] for count in counts)) for name in summed},
    }


class TaskRunner(TaskRunnerV1.__ray_metadata__.modified_class):
    """verl's task runner; it lives in its own Ray process, where this module's trainer has to be registered."""

    def run(self, config: DictConfig) -> None:
        """Train to the end of ``config.trainer.total_training_steps``."""
        config.trainer.v1.trainer_mode = TRAINER_NAME
        super().run(config)
