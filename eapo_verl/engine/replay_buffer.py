"""verl's replay buffer, choosing in the order of submission and keeping account of what it throws away."""

from typing import Any

import transfer_queue
from omegaconf import DictConfig
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

from eapo_verl.settings.run import RunStopped


class NoContrast(RunStopped):
    """Dynamic sampling finds no group to learn from."""


class OrderedReplayBuffer(ReplayBuffer):
    """Loaded by verl as ``trainer.v1.sampler.custom_sampler``; its own settings are ``sampler_kwargs``.

    With dynamic sampling more groups than a batch holds may come back. verl takes whichever come first out of a set;
    here the earliest submitted are taken, which are the same in every run of the same seed.

    Attributes:
        discarded: ``extra_fields`` of rollouts that were generated and not trained on, since the last :meth:`collect`.
    """

    def __init__(self, *args: Any, sampler_kwargs: DictConfig, **kwargs: Any) -> None:
        # None of these is handed to a custom sampler; verl's own one gets them from elsewhere in the configuration.
        own = {name: sampler_kwargs[name] for name in ("poll_interval", "filter_groups_metric", "train_batch_size")}
        super().__init__(*args, sampler_kwargs=sampler_kwargs, gen_batch_size=1, **own, **kwargs)
        self.discarded: list[dict[str, Any]] = []
        self._discarded_groups = 0

    def collect(self) -> list[dict[str, Any]]:
        """The discarded rollouts, which are forgotten here."""
        discarded, self.discarded, self._discarded_groups = self.discarded, [], 0
        return discarded

    def _select_prompt_uids(
        self, partition_id: str, sampleable_keys: set[str], batch_size: int
    ) -> tuple[list[str], dict[str, dict], dict[str, int]]:
        # Names of prompts sort by submission, see EAPOTrainer._fetch_one_gen_batch.
        _, *snapshots = super()._select_prompt_uids(partition_id, sampleable_keys, batch_size)
        return sorted(sampleable_keys)[:batch_size], *snapshots

    def _clear_groups(self, partition_id: str, uids: set[str]) -> None:
        keys = sorted(key for key in self.partitions[partition_id] if key.split("_")[0] in uids)
        if keys:
            data = transfer_queue.kv_batch_get(keys=keys, partition_id=partition_id, select_fields=["extra_fields"])
            fields = dict(zip(keys, data["extra_fields"], strict=True))
            self.discarded += [fields[key] for key in final_outputs(keys)]
        super()._clear_groups(partition_id, uids)
        self._discarded_groups += len(uids)
        limit = self.sampler_kwargs["most_discarded"]
        if limit is not None and self._discarded_groups > limit:
            raise NoContrast(
                f"dynamic sampling: {self._discarded_groups} groups were discarded for one step, since their rollouts "
                "are all right or all wrong: the training problems are too hard or too easy for this policy "
                "(optimiser.dynamic_sampling_batches is the limit)"
            )


def final_outputs(keys: list[str]) -> list[str]:
    """The keys of real rollouts, in order: of the outputs of an agent loop, ``prompt_rollout_output``, the last one."""
    last: dict[str, int] = {}
    for key in keys:
        session, _, output = key.rpartition("_")
        last[session] = max(last.get(session, 0), int(output))
    return [key for key in keys if int(key.rpartition("_")[2]) == last[key.rpartition("_")[0]]]
