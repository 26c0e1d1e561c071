"""verl's agent worker with this project's loop, made once a process."""

from typing import Any

import ray
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput, DictConfigWrap
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ

from eapo_verl.engine.agent_loop import PolicyAgentLoop
from eapo_verl.engine.failures import describe


class RolloutWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """Rolls prompts out with two loops, by name: ``consulting`` and ``independent``.

    verl instantiates the class that its registry names, through Hydra, for every rollout: four milliseconds on a CPU,
    an eighth of what this process does. A :class:`PolicyAgentLoop` keeps nothing of a rollout, so that one will do.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loops: dict[str, PolicyAgentLoop] = {}
        self._errors: list[str] = []

    def take_errors(self) -> list[str]:
        """What each rollout that raised since the last call said, in one line; forgotten here."""
        errors, self._errors = self._errors, []
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
        )

    async def _compute_teacher_logprobs(self, output: AgentLoopOutput, *args: Any, **kwargs: Any) -> None:
        """As verl's, which has the teacher, where a run has one, score each token of a rollout; it is counted."""
        await super()._compute_teacher_logprobs(output, *args, **kwargs)
        scored = output.extra_fields.get("teacher_ids")
        if scored is not None:
            counts = output.extra_fields["consultation"]
            counts["expert_requests"] += 1
            counts["expert_tokens_scored"] += len(scored)

    async def _run_agent_loop(
        self, sampling_params: dict[str, Any], trajectory: dict[str, Any], *, agent_name: str, **kwargs: Any
    ) -> None:
        kwargs.pop("trace", None)
        try:
            if agent_name not in self._loops:
                self._loops[agent_name] = self._make_loop(agent_name)
            output = await self._loops[agent_name].run(sampling_params, **kwargs)
            await self._agent_loop_postprocess(output, trajectory["validate"], **kwargs)
        except Exception as error:
            self._errors.append(describe(error))
            # verl logs it and marks the group.
            raise


class RolloutManager(AgentLoopManagerTQ):
    """Named in ``rollout.agent.agent_loop_manager_class``: verl's manager, of the workers above."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(RolloutWorker)

    def take_errors(self) -> list[str]:
        """Those of all workers."""
        taken = ray.get([worker.take_errors.remote() for worker in self.agent_loop_workers])
        return [error for errors in taken for error in errors]
