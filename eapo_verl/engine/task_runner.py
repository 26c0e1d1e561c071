"""verl's task runner with this project's trainer."""

from omegaconf import DictConfig
from verl.trainer.main_ppo import TaskRunnerV1

from eapo_verl.engine.trainer import TRAINER_NAME


class TaskRunner(TaskRunnerV1.__ray_metadata__.modified_class):
    """It lives in its own Ray process, where the trainer has to be registered: importing it does."""

    def run(self, config: DictConfig) -> None:
        """Train to the end of ``config.trainer.total_training_steps``."""
        config.trainer.v1.trainer_mode = TRAINER_NAME
        super().run(config)
