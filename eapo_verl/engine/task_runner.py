"""verl's task runner with this project's trainer."""

import ray
from omegaconf import DictConfig
from verl.trainer.main_ppo import TaskRunnerV1

from eapo_verl.engine import trainers
from eapo_verl.engine.network import check_nodes
from eapo_verl.settings.run import read_run


class TaskRunner(TaskRunnerV1.__ray_metadata__.modified_class):
    """It lives in its own Ray process, where the trainer has to be registered."""

    def run(self, config: DictConfig) -> None:
        """Train to the end of ``config.trainer.total_training_steps``.

        Raises:
            RunStopped: others could reach the run.
        """
        nodes = [node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]]
        check_nodes(nodes, one_machine=config.ray_kwargs.ray_init.address == "local")
        config.trainer.v1.trainer_mode = trainers.register(read_run(config.eapo.run))
        super().run(config)
