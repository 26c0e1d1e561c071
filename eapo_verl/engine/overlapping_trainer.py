"""The trainer's hooks where rollouts go on while the policy learns (``training.trainer: colocate_async``).

A rollout then holds turns of several steps. What was in force for each is known to the rollout itself
(:class:`~eapo_verl.method.rollout.Rollout`); a step's line of numbers has the means over what it learned from.
"""

from statistics import fmean
from typing import Any

from verl.workers.rollout.replica import CONTROL_METHOD_CONCURRENCY

from eapo_verl.engine.trainer import EAPOTrainer
from eapo_verl.settings.run import RunStopped


class OverlappingTrainer(EAPOTrainer):
    """Before verl's colocated asynchronous trainer: as many prompts are asked for as the run learns from, no more."""

    def on_init_end(self) -> None:
        """As before, where no server is asked more than it takes at once.

        Raises:
            RunStopped: verl's halt of a server waits for ever behind the requests that wait for that server.
        """
        super().on_init_end()
        replicas, budget = self.llm_server_manager.get_replicas(), self._run.budget
        batches = 1 + self.config.trainer.v1.colocate_async.num_warmup_batches
        each = batches * budget.prompts_per_step * budget.rollouts_per_prompt / len(replicas)
        most = replicas[0].max_concurrency - CONTROL_METHOD_CONCURRENCY
        if each > most:
            raise RunStopped(
                f"training.trainer: colocate_async has {each:.0f} rollouts of {batches:g} batches (training.budget) "
                f"under way for each of {len(replicas)} rollout servers; allowed are {most}"
            )

    def _add_async_warmup_batches(self, num_warmup_batches: int | float) -> None:
        super()._add_async_warmup_batches(min(num_warmup_batches, self._run.budget.steps - self.global_steps))

    def prepare_step(self) -> dict:
        """Ask for a step's prompts, as far as those under way are not enough for the steps that are left."""
        budget = self._run.budget
        needed = (budget.steps - self.global_steps + 1) * budget.prompts_per_step
        missing = min(budget.prompts_per_step, needed - self.replay_buffer.asked_for("train"))
        if missing > 0:
            self._add_prompts_to_generate(missing)
        return {}

    def _in_force(self, rollouts: list[dict[str, Any]]) -> dict[str, float | int | None]:
        """What held where the rollouts were written, on average, and how many steps ago that was."""
        consultation, last = self._run.consultation, self._run.budget.steps
        counts = [fields["consultation"] for fields in rollouts]
        made = super()._in_force(rollouts)
        steps = [step for one in counts for step in one["steps"]]
        if steps:
            behind = [self.global_steps - step for step in steps]
            made |= {"steps_behind": fmean(behind), "steps_behind_max": max(behind)}
        begun = [one["begun"] for one in counts]
        # Each turn but the last one of a rollout is a consultation.
        consulted = [step for one in counts for step in one["steps"][: one["consultations"]]]
        if accepting := consulted if consultation.possible else begun if self._run.hint else []:
            made["acceptance_rate"] = fmean(consultation.acceptance(step, last) for step in accepting)
        if consultation.possible and begun:
            made["turn_budget"] = fmean(consultation.turns(step, last) for step in begun)
        if thresholds := [value for one in counts for value in one["thresholds"] if value is not None]:
            made["confidence_threshold"] = fmean(thresholds)
        return made
