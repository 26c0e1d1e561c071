"""verl's SFT trainer with what this project adds: own metrics, and a seed.

``python -m eapo_verl.sft.trainer SETTINGS CHECKPOINT_DIR``, a process a device, in an environment like ``torchrun``'s.
SETTINGS is a run's settings as JSON; the rows lie in the checkpoint folder, and everything is left there.
"""

import sys
import time
from pathlib import Path
from typing import Any

import torch
from verl.trainer.sft_trainer import SFTTrainer
from verl.utils import tensordict_utils
from verl.utils.distributed import destroy_global_process_group, initialize_global_process_group

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.record.checkpoints import seal
from eapo_verl.record.step_log import FILE, PREFIX, StepLog
from eapo_verl.sft.settings import SFTSettings
from eapo_verl.sft.verl_config import compose


class SupervisedTrainer(SFTTrainer):
    """verl's trainer; a line of ``metrics.jsonl`` for as many of its steps as a training step has mini-batches.

    Args:
        config: verl's.
        settings: the run's.
        folder: of the checkpoints.
    """

    def __init__(self, config: Any, settings: SFTSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        super().__init__(config)
        mini_batches = settings.budget.mini_batches
        self._optimiser_step = self.resume_global_step
        self._losses: list[float] = []
        self._since = time.monotonic()
        label = f"{settings.method} seed {settings.seed}"
        first = self.resume_global_step // mini_batches + 1
        self._log = StepLog(folder / FILE, label, settings.budget.steps, first) if self.rank == 0 else None

    def _build_engine(self) -> None:
        super()._build_engine()
        train_batch = self.training_client.train_batch

        def train_and_log(data: Any) -> Any:
            output = train_batch(data)
            if self._log is not None:
                self._add(self._log, tensordict_utils.get(output, "metrics"))
            return output

        self.training_client.train_batch = train_and_log

    def _build_ckpt_handler(self) -> None:
        super()._build_ckpt_handler()
        save = self.ckpt_handler.save_checkpoint

        def save_and_thin(step: int) -> None:
            save(step=step)
            if self.rank != 0:
                return
            seal(self._folder / f"global_step_{step}")
            # Of earlier checkpoints the weights are still to be measured; nobody goes on from them.
            for path in self._folder.glob("global_step_*/optim_*.pt"):
                if path.parent.name != f"global_step_{step}":
                    path.unlink()

        self.ckpt_handler.save_checkpoint = save_and_thin

    def _add(self, log: StepLog, metrics: dict[str, Any]) -> None:
        """Count an optimiser step, and log the training step that it ends."""
        self._optimiser_step += 1
        self._losses.append(float(metrics["loss"]))
        step, left = divmod(self._optimiser_step, self._settings.budget.mini_batches)
        if left:
            return
        now = time.monotonic()
        line = {
            f"{PREFIX}loss": sum(self._losses) / len(self._losses),
            "actor/grad_norm": metrics["grad_norm"],
            "timing_s/update_actor": now - self._since,
            "timing_s/step": now - self._since,
        }
        log.log(line, step)
        self._losses, self._since = [], now


def main() -> None:
    """Train to the last step, from the newest checkpoint on where there is one."""
    settings = SFTSettings.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    initialize_global_process_group()
    # verl seeds nothing of its SFT trainer, and adapters start from random numbers.
    torch.manual_seed(settings.seed)
    SupervisedTrainer(compose(settings, folder, "cpu" if on_cpu() else "gpu"), settings, folder).fit()
    destroy_global_process_group()


if __name__ == "__main__":
    main()
