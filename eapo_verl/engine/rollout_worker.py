"""verl's agent worker with this project's loop, made once a process, and with a group's rows handed over as one."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import ray
import torch
import transfer_queue
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput, DictConfigWrap
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ
from verl.utils.tensordict_utils import list_of_dict_to_tensordict

from eapo_verl.engine.agent_loop import PolicyAgentLoop
from eapo_verl.engine.failures import describe
from eapo_verl.record.waits import Standing, merged, together

#: What is kept of a problem in each of its rows: what verl reads there later. The loop has read the rest by then.
KEPT = ("uid", "session_id", "global_steps", "data_source", "reward_model")


@dataclass
class Group:
    """The rollouts of a prompt: how many are still under way, and the rows of those that are not."""

    under_way: int
    keys: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)

    def add(self, output: AgentLoopOutput | list[AgentLoopOutput], kept: dict[str, Any]) -> None:
        """A rollout's rows in verl's form: one for each of its outputs, the last of which has the reward."""
        outputs = output if isinstance(output, list) else [output]
        for number, one in enumerate(outputs):
            one.reward_score = outputs[-1].reward_score
            one.extra_fields["reward_extra_info"] = outputs[-1].extra_fields["reward_extra_info"]
            row = one.as_dict() | kept
            ids = torch.cat([row["prompts"], row["responses"]])
            row |= {"loss_mask": row["response_mask"], "input_ids": ids, "position_ids": torch.arange(len(ids))}
            self.keys.append(f"{kept['uid']}_{kept['session_id']}_{number}")
            self.rows.append(row)
            self.tags.append(
                {
                    "status": "success",
                    "prompt_len": len(row["prompts"]),
                    "response_len": len(row["responses"]),
                    "seq_len": len(ids),
                    "global_steps": kept["global_steps"],
                    "min_global_steps": row["extra_fields"].get("min_global_steps"),
                    "max_global_steps": row["extra_fields"].get("max_global_steps"),
                }
            )


class RolloutWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """Rolls prompts out with two loops, by name: ``consulting`` and ``independent``.

    verl instantiates the class that its registry names, through Hydra, for every rollout: four milliseconds on a CPU,
    an eighth of what this process does. A :class:`PolicyAgentLoop` keeps nothing of a rollout, so that one will do.
    And it hands every rollout to the queue by itself, ten milliseconds here and as many in the processes of the queue,
    though nobody takes one before its whole group is there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loops: dict[str, PolicyAgentLoop] = {}
        #: Partition, name of the prompt, and what the rollout said.
        self._errors: list[tuple[str, str, str]] = []
        #: By the name of the prompt.
        self._groups: dict[str, Group] = {}
        #: Of confidence, by the training step that they hold in.
        self._thresholds: dict[int, float | None] = {}
        #: Rollouts that are under way, or were in this step, since the last time that none was.
        self._begun = 0

    @property
    def _under_way(self) -> int:
        return sum(group.under_way for group in self._groups.values())

    def standing(self) -> Standing:
        """Where the rollouts of this process are."""
        # Both loops of a process have one plan.
        waits = merged(loop.plan.waits.now() for loop in list(self._loops.values())[:1])
        return Standing(self._under_way, self._begun, waits)

    def announce(self, step: int, threshold: float | None) -> None:
        """Hear which threshold of confidence holds for what the policy writes in a training step."""
        self._thresholds[step] = threshold
        self._begun = self._under_way

    def take_errors(self, partition_id: str, waiting: Set[str]) -> list[str]:
        """What each rollout of a partition said that has raised, in one line; forgotten here.

        Not of the prompts ``waiting``, by their names, of which nothing is learned yet.
        """
        taken = [name == partition_id and uid not in waiting for name, uid, _ in self._errors]
        errors = [error for (_, _, error), mine in zip(self._errors, taken, strict=True) if mine]
        self._errors = [one for one, mine in zip(self._errors, taken, strict=True) if not mine]
        return errors

    def _make_loop(self, name: str) -> PolicyAgentLoop:
        return PolicyAgentLoop(
            trainer_config=DictConfigWrap(self.config),
            server_manager=self.llm_client,
            tokenizer=self.tokenizer,
            processor=self.processor,
            hf_model_type=self.hf_model_type,
            dataset_cls=self.dataset_cls,
            data_config=DictConfigWrap(self.config.data),
            consults={"consulting": True, "independent": False}[name],
            thresholds=self._thresholds,
        )

    async def _compute_teacher_logprobs(self, output: AgentLoopOutput, *args: Any, **kwargs: Any) -> None:
        """As verl's, which has the teacher, where a run has one, score each token of a rollout; it is counted."""
        await super()._compute_teacher_logprobs(output, *args, **kwargs)
        scored = output.extra_fields.get("teacher_ids")
        if scored is not None:
            counts = output.extra_fields["consultation"]
            counts["expert_requests"] += 1
            counts["expert_tokens_scored"] += len(scored)

    async def _run_prompt(self, prompt: dict[str, Any], sampling: dict, trajectory: dict, trace: bool = False) -> None:
        rollout = self.config.actor_rollout_ref.rollout
        size = rollout.val_kwargs.n if trajectory["validate"] else rollout.n
        group = Group(prompt.get("__rollout_n__", size))
        self._begun = group.under_way + (self._begun if self._groups else 0)
        self._groups[prompt["uid"]] = group
        await super()._run_prompt(prompt, sampling, trajectory, trace)

    async def _run_agent_loop(
        self, sampling_params: dict[str, Any], trajectory: dict[str, Any], *, agent_name: str, **kwargs: Any
    ) -> None:
        kwargs.pop("trace", None)
        partition_id = "val" if trajectory["validate"] else "train"
        try:
            try:
                await self._roll_out(sampling_params, trajectory["validate"], agent_name, kwargs)
            finally:
                await self._hand_over(kwargs["uid"], partition_id)
        except Exception as error:
            self._errors.append((partition_id, kwargs["uid"], describe(error)))
            # verl logs it and marks the group.
            raise

    async def _roll_out(self, sampling_params: dict[str, Any], validate: bool, name: str, about: dict) -> None:
        if name not in self._loops:
            self._loops[name] = self._make_loop(name)
        output = await self._loops[name].run(sampling_params, **about)
        kept = {key: about[key] for key in KEPT}
        final = output[-1] if isinstance(output, list) else output
        tokens = {"prompt_ids": final.prompt_ids, "response_ids": final.response_ids}
        with self._loops[name].plan.waits.on("the teacher"):
            await self._compute_teacher_logprobs(final, **tokens, validate=validate, sample_kwargs=kept)
        self._groups[about["uid"]].add(output, kept)

    async def _hand_over(self, uid: str, partition_id: str) -> None:
        """Note that a rollout is over; the group's last one puts the rows of all, those beside a failed one too."""
        group = self._groups[uid]
        group.under_way -= 1
        if group.under_way == 0:
            del self._groups[uid]
            if group.rows:
                rows = list_of_dict_to_tensordict(group.rows)
                await transfer_queue.async_kv_batch_put(
                    keys=group.keys, fields=rows, tags=group.tags, partition_id=partition_id
                )


class RolloutManager(AgentLoopManagerTQ):
    """Named in ``rollout.agent.agent_loop_manager_class``: verl's manager, of the workers above."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(RolloutWorker)

    def announce(self, step: int, threshold: float | None) -> None:
        """Tell all workers, see there."""
        ray.get([worker.announce.remote(step, threshold) for worker in self.agent_loop_workers])

    def take_errors(self, partition_id: str, waiting: Set[str] = frozenset()) -> list[str]:
        """Those of all workers."""
        taken = ray.get([worker.take_errors.remote(partition_id, waiting) for worker in self.agent_loop_workers])
        return [error for errors in taken for error in errors]

    def standing(self, within_s: float) -> Standing:
        """Where the rollouts of all workers are.

        Raises:
            ray.exceptions.RayError: one has not said so within ``within_s`` seconds, or is gone.
        """
        return together(ray.get([one.standing.remote() for one in self.agent_loop_workers], timeout=within_s))
