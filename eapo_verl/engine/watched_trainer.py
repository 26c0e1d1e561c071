"""The trainer's hooks by which a run is watched: phases of a step, how fast it was, what each expert did, stalls."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import ray
from transfer_queue import KVBatchMeta
from verl.utils.flops_counter import get_device_flops

from eapo_verl.engine.trainer import EAPOTrainer
from eapo_verl.engine.watch import GENERATION, Watch
from eapo_verl.experts.reply import Request
from eapo_verl.record import by_expert, events
from eapo_verl.record.costs import count_parameters
from eapo_verl.record.server_load import ROLLOUT_ENGINE, ServerLoads, experts_servers
from eapo_verl.record.speed import speed
from eapo_verl.record.step_log import PREFIX
from eapo_verl.record.waits import Standing

#: verl's hooks, by the phase of a step that they are.
_PHASES = {
    "on_sample_end": "halting the rollout engine",
    "_compute_reward_colocate": "reward",
    "_compute_old_log_prob": "old log-probabilities",
    "_compute_ref_log_prob": "reference log-probabilities",
    "_compute_advantage": "advantages",
    "_update_actor": "update",
    "_save_checkpoint": "checkpoint",
    "on_step_end": "weight synchronisation",
    "_validate": "validation",
}
# verl's name for the MFU of the update.
_MFU = "perf/mfu/actor"
# Seconds that rollout workers have to say where they are.
_STANDING_WITHIN_S = 10.0
_ACCELERATOR = "accelerator_type:"


class WatchedTrainer(EAPOTrainer):
    """Before all other hooks."""

    def on_init_end(self) -> None:
        """As before; from here on it is known whom to ask."""
        super().on_init_end()
        sample = self.replay_buffer.sample

        def sample_in_phase(*args: Any, **kwargs: Any) -> Any:
            with self._watch.phase(GENERATION):
                return sample(*args, **kwargs)

        self.replay_buffer.sample = sample_in_phase
        servers = experts_servers(self._run.experts)
        if not self.config.actor_rollout_ref.rollout.disable_log_stats:
            addresses = self.llm_server_manager.get_addresses()
            servers[ROLLOUT_ENGINE] = [f"http://{address}/metrics" for address in addresses]
        loads = ServerLoads(servers)
        self._watch = Watch(self._run.stall_minutes * 60, loads, self._standing, self._say_stall)
        self._parameters = count_parameters(self._run.policy)
        peak = peak_flops(ray.nodes())
        self._peak = None if peak is None else peak * self._get_n_gpus_for_throughput()

    def fit(self, *args: Any, **kwargs: Any) -> None:
        """As before, watched."""
        with self._watch:
            super().fit(*args, **kwargs)

    def on_step_begin(self) -> None:
        self._watch.begun(self.global_steps)
        super().on_step_begin()

    def on_validate_end(self) -> None:
        super().on_validate_end()
        self._watch.finished()

    def _compute_metrics(
        self, batch: KVBatchMeta, metrics: dict, timing_raw: dict, global_steps: int, epoch: int
    ) -> None:
        """As before, and what the watching tells; it is the last that a step does."""
        # They come as lists out of verl's queue.
        requests = [Request(*one) for fields in self._paid for one in fields["consultation"]["requests"]]
        self._summary |= speed(self._summary, timing_raw["step"], self._parameters, self._peak)
        self._summary |= by_expert.columns(requests, self._run.experts) | self._watch.loads.take()
        self._step_log.add({by_expert.LATENCIES: by_expert.latencies(requests)})
        super()._compute_metrics(batch, metrics, timing_raw, global_steps=global_steps, epoch=epoch)
        if self._peak is None:
            # verl would count with the peak of some processor, or with an infinite one.
            metrics.pop(_MFU, None)
        elif _MFU in metrics:
            metrics[f"{PREFIX}mfu_update"] = metrics[_MFU]
        self._watch.finished()

    def _standing(self) -> Standing | None:
        try:
            return self.agent_loop_manager.standing(_STANDING_WITHIN_S)
        except ray.exceptions.RayError:
            return None

    def _say_stall(self, stall: events.Stall) -> None:
        events.append(Path(self.config.trainer.default_local_dir) / events.FILE, stall)
        print(f"progress: {self._run.method} seed {self._run.seed}: stalled: {stall.line()}", flush=True)


def _in_phase(hook: str, phase: str) -> Callable[..., Any]:
    def watched(self: WatchedTrainer, *args: Any, **kwargs: Any) -> Any:
        with self._watch.phase(phase):
            return getattr(super(WatchedTrainer, self), hook)(*args, **kwargs)

    watched.__doc__ = f"As before, as the phase {phase}."
    return watched


for _hook, _phase in _PHASES.items():
    setattr(WatchedTrainer, _hook, _in_phase(_hook, _phase))


def peak_flops(nodes: Iterable[Mapping[str, Any]]) -> float | None:
    """FLOPs a second, at most, of an accelerator of a run's, by verl's table (dense, in 16 bits).

    Args:
        nodes: as Ray describes them.

    Returns:
        None where there is none, where they differ, or where the table does not have them.
    """
    names = {
        resource.removeprefix(_ACCELERATOR).replace("-", " ")
        for node in nodes
        if node["Alive"]
        for resource in node["Resources"]
        if resource.startswith(_ACCELERATOR)
    }
    peaks = {float(get_device_flops("B", name)) for name in names}
    return peaks.pop() if len(peaks) == 1 and not math.isinf(max(peaks)) else None
