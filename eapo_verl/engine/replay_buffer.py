"""verl's replay buffers, choosing in the order of submission and keeping account of what they throw away."""

import time
from collections import Counter
from collections.abc import Callable, Set
from typing import Any

from omegaconf import DictConfig
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

from eapo_verl.engine import rows
from eapo_verl.engine.batching import final_outputs, prompt_of
from eapo_verl.settings.run import RunStopped


class NoContrast(RunStopped):
    """Dynamic sampling finds no group to learn from."""


class AccountingReplayBuffer(ReplayBuffer):
    """What both of ours have in common; verl loads one as ``trainer.v1.sampler.custom_sampler``.

    Attributes:
        contrastless: ``extra_fields`` of rollouts that were thrown away since their group has no contrast, since the
            last :meth:`collect`.
        surplus: of those whose group was one more than needed, or is too old to learn from.
        before_choice: called with the names of the groups a training batch is made of before it is, and those that are
            left for later ones: where rollouts have failed, it may stop the run.
    """

    def __init__(self, *args: Any, sampler_kwargs: DictConfig, **kwargs: Any) -> None:
        # None of these is handed to a custom sampler; verl's own one gets them from elsewhere in the configuration.
        own = {name: sampler_kwargs[name] for name in ("poll_interval", "filter_groups_metric", "train_batch_size")}
        super().__init__(*args, sampler_kwargs=sampler_kwargs, gen_batch_size=1, **own, **kwargs)
        self.contrastless: list[dict[str, Any]] = []
        self.surplus: list[dict[str, Any]] = []
        self.before_choice: Callable[[list[str], Set[str]], None] = lambda uids, waiting: None
        self._discarded_groups = 0

    def collect(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rollouts without contrast and those in surplus, which are forgotten here."""
        collected = self.contrastless, self.surplus
        self.contrastless, self.surplus, self._discarded_groups = [], [], 0
        return collected

    def _select_prompt_uids(
        self, partition_id: str, sampleable_keys: set[str], batch_size: int
    ) -> tuple[list[str], dict[str, dict], dict[str, int]]:
        # Names of prompts sort by submission, see EAPOTrainer._fetch_one_gen_batch.
        _, *snapshots = super()._select_prompt_uids(partition_id, sampleable_keys, batch_size)
        chosen = sorted(sampleable_keys)[:batch_size]
        if partition_id != "val":
            self.before_choice(chosen, self._left_for_later(partition_id) - set(chosen))
        return chosen, *snapshots

    def _left_for_later(self, partition_id: str) -> set[str]:
        """The names of groups that a later batch may be made of."""
        return set()

    def _small(self, partition_id: str) -> set[str]:
        """The groups that have ended with less than two rollouts: one has nothing to differ from."""
        sizes = Counter(map(prompt_of, final_outputs(list(self.partitions[partition_id]))))
        return {uid for uid in self.finished_keys[partition_id] | self.failure_keys[partition_id] if sizes[uid] < 2}

    def _count_discarded(self, groups: int) -> None:
        self._discarded_groups += groups
        limit = self.sampler_kwargs["most_discarded"]
        if limit is not None and self._discarded_groups > limit:
            raise NoContrast(
                f"dynamic sampling: {self._discarded_groups} groups were discarded for one step, since their "
                "rollouts are all right or all wrong: the training problems are too hard or too easy for this "
                "policy (optimiser.dynamic_sampling_batches is the limit)"
            )

    def _fields(self, partition_id: str, uids: Set[str]) -> list[dict[str, Any]]:
        """The ``extra_fields`` of the rollouts of groups, in order."""
        keys = final_outputs(sorted(key for key in self.partitions[partition_id] if prompt_of(key) in uids))
        (fields,) = rows.get(partition_id, keys, "extra_fields")
        return fields


class OrderedReplayBuffer(AccountingReplayBuffer):
    """Of the synchronous trainer; its own settings are ``sampler_kwargs``.

    Dynamic sampling goes in waves: all groups that were asked for are waited for, those without contrast are thrown
    away, and for each one that is missing two more are asked for, a batch at most (verl's own numbers), until there are
    enough. The earliest submitted are taken. What is asked for and what is taken so depends on the results and never on
    the order in which they come, and a run of the same seed sees the same data; verl's own buffer, which refills as
    groups come, waits less and promises no such thing.
    """

    def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[KVBatchMeta, dict]:
        """As verl's; see the class for what differs with dynamic sampling."""
        if partition_id == "val" or self.filter_groups_metric is None:
            return super().sample(global_steps, partition_id, batch_size)
        while len(usable := self._with_contrast(partition_id)) < batch_size:
            self.refill_fn(min(batch_size, 2 * (batch_size - len(usable))))
        chosen, partition, _ = self._select_prompt_uids(partition_id, usable, batch_size)
        left = usable - set(chosen)
        self.surplus += self._throw_away(partition_id, left)
        metrics = {"training/filter_groups/discarded_surplus_samples": len(left)} if left else {}
        return self._materialize_batch(partition_id, chosen, partition), metrics

    def _with_contrast(self, partition_id: str) -> set[str]:
        """The groups to learn from, once everything that was asked for is there; the others are thrown away."""
        self._sync_metadata_from_transfer_queue()
        last_debug_time = time.time()
        while self.pending_keys[partition_id] or self.running_keys[partition_id]:
            last_debug_time = self._wait_for_next_poll(partition_id, last_debug_time)
            self._sync_metadata_from_transfer_queue()
        # A group in which a rollout failed is judged by the others.
        ended = self.finished_keys[partition_id] | self.failure_keys[partition_id]
        small = self._small(partition_id)
        self.finished_keys[partition_id] = ended - small
        alike, _ = self._dapo_filtered_keys(partition_id)
        without = alike | small
        usable = ended - without
        if without:
            self.contrastless += self._throw_away(partition_id, without)
            self._count_discarded(len(without))
        return usable

    def _throw_away(self, partition_id: str, uids: set[str]) -> list[dict[str, Any]]:
        """Remove groups, and return the ``extra_fields`` of their rollouts in order."""
        fields = self._fields(partition_id, uids)
        self._clear_groups(partition_id, uids)
        return fields


class OverlappingReplayBuffer(AccountingReplayBuffer, ReplayBufferAsync):
    """Of the asynchronous trainer, as verl's but for two things.

    The earliest submitted of the groups that are there go first. A group in which rollouts failed is learned from by
    the others, as with the synchronous trainer, and not replaced in silence for as long as an engine is out of order.
    """

    def asked_for(self, partition_id: str) -> int:
        """How many prompts were asked for and not learned from yet."""
        self._sync_metadata_from_transfer_queue()
        return len(self.prompt_global_steps[partition_id])

    def _left_for_later(self, partition_id: str) -> set[str]:
        return set(self.prompt_global_steps[partition_id])

    def _terminal_eviction_reasons(
        self, global_steps: int, partition_id: str
    ) -> tuple[set[str], set[str], set[str], Counter]:
        ended = self.finished_keys[partition_id] | self.failure_keys[partition_id]
        small = self._small(partition_id) if self.filter_groups_metric and partition_id != "val" else set()
        self.finished_keys[partition_id], self.failure_keys[partition_id] = ended - small, set()
        stale, alike, failed, counts = super()._terminal_eviction_reasons(global_steps, partition_id)
        self.finished_keys[partition_id] = ended
        return stale, alike | small, failed, counts

    def _evict_terminal_groups(
        self, global_steps: int, partition_id: str, eviction_reasons: tuple[set[str], set[str], set[str], Counter]
    ) -> tuple[set[str], int, int, dict]:
        """As verl's; what is thrown away was paid for, and is counted."""
        stale, alike, _, _ = eviction_reasons
        self.surplus += self._fields(partition_id, stale)
        self.contrastless += self._fields(partition_id, alike - stale)
        self._count_discarded(len(alike - stale))
        return super()._evict_terminal_groups(global_steps, partition_id, eviction_reasons)
