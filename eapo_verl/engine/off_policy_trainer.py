"""The trainer of a run with experts' solutions as members of its groups; see :mod:`eapo_verl.method.off_policy`."""

import math

import torch
from omegaconf import DictConfig
from transfer_queue import KVBatchMeta

from eapo_verl.engine import rows
from eapo_verl.engine.batching import groups, prompt_of, rollout_of
from eapo_verl.engine.trainer import EAPOTrainer
from eapo_verl.method.off_policy import COUNTS, Member, group_advantages


class OffPolicyTrainer(EAPOTrainer):
    """A solution comes as an extra row beside a rollout of its group (``PolicyAgentLoop``), one each.

    With ``always`` it is one more member, for which one rollout less was sampled. With ``group_failed`` it takes the
    place of the rollout that it came with, which stays a row and in all counts, and out of the loss.
    """

    def __init__(self, config: DictConfig) -> None:
        super().__init__(config)
        assert self._run.off_policy is not None
        self._off_policy = self._run.off_policy

    def _may_teach(self, key: str) -> bool:
        """Whether there is a place for the solution: in any group, or only in one whose rollouts are all wrong."""
        if self._off_policy.when == "always":
            return True
        group = [fields for other, fields in self._rollouts.items() if prompt_of(other) == prompt_of(key)]
        return not any(map(rows.is_right, group))

    def _members(self, batch: KVBatchMeta) -> list[str]:
        solutions = self._solutions(batch)
        replaced = self._replaced(solutions)
        return [key for key in rows.rollouts(batch) if rollout_of(key) not in replaced] + solutions

    def _solutions(self, batch: KVBatchMeta) -> list[str]:
        """The keys of the solutions that are in the batch."""
        real = set(rows.rollouts(batch))
        # Padding came later.
        return [key for key in batch.keys if key not in real and key in self._rollouts]

    def _replaced(self, solutions: list[str]) -> set[str]:
        """The names of the rollouts whose places they take."""
        return set(map(rollout_of, solutions)) if self._off_policy.when == "group_failed" else set()

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        """As before, but of the members of each group that has a solution; these are marked for the loss."""
        batch = super()._compute_advantage(batch, metrics)
        real, solutions = rows.rollouts(batch), self._solutions(batch)
        replaced = self._replaced(solutions)
        (scores,) = rows.get(batch.partition_id, real, "rm_scores")
        own = {
            key: Member(float(score.sum()), rollout_of(key) in replaced)
            for key, score in zip(real, scores, strict=True)
        }
        theirs = {key: self._rollouts[key]["expert_reward"] for key in solutions}
        made: dict[str, float] = {}
        helped = 0
        for group in groups([*real, *solutions]):
            rollouts, experts = [key for key in group if key in own], [key for key in group if key in theirs]
            if experts:
                advantages = group_advantages([own[key] for key in rollouts], [theirs[key] for key in experts])
                made |= zip([*rollouts, *experts], [*advantages[0], *advantages[1]], strict=True)
                helped += 1
        self._put(batch.partition_id, made, replaced, set(solutions))
        failed = sum(not any(rows.is_right(self._rollouts[key]) for key in group) for group in groups(real))
        self._summary |= zip(COUNTS, (len(solutions), helped, failed, len(replaced)), strict=True)
        return batch

    def _put(self, partition_id: str, advantages: dict[str, float], replaced: set[str], solutions: set[str]) -> None:
        """Hand verl's loss the rows' advantages and masks; nan marks what no policy of the run has sampled."""
        keys = list(advantages)
        masks, old = rows.get(partition_id, keys, "response_mask", "old_log_probs")
        learned = []
        for key, mask in zip(keys, masks, strict=True):
            whole = torch.ones_like(mask) if key in solutions else mask
            learned.append(whole * (rollout_of(key) not in replaced or key in solutions))
        rows.put(
            partition_id,
            keys,
            response_mask=learned,
            loss_mask=learned,
            advantages=[mask.float() * advantages[key] for key, mask in zip(keys, learned, strict=True)],
            old_log_probs=[
                torch.full_like(one, math.nan) if key in solutions else one for key, one in zip(keys, old, strict=True)
            ],
        )
