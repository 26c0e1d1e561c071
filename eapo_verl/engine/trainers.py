"""The trainer of a run: our hooks before the one of verl's that the run names."""

from verl.trainer.ppo.v1.trainer_base import PPOTrainer, register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from eapo_verl.engine.off_policy_trainer import OffPolicyTrainer
from eapo_verl.engine.overlapping_trainer import OverlappingTrainer
from eapo_verl.engine.trainer import EAPOTrainer
from eapo_verl.engine.watched_trainer import WatchedTrainer
from eapo_verl.settings.run import RunSettings

#: By ``training.trainer``: our hooks and verl's trainer.
MODES: dict[str, tuple[type[PPOTrainer], ...]] = {
    "sync": (EAPOTrainer, PPOTrainerSync),
    "colocate_async": (OverlappingTrainer, PPOTrainerColocateAsync),
}


def bases(run: RunSettings) -> tuple[type[PPOTrainer], ...]:
    """The classes that a run's trainer is made of; hooks of an earlier one come first."""
    return (WatchedTrainer, *((OffPolicyTrainer,) if run.off_policy is not None else ()), *MODES[run.trainer])


def register(run: RunSettings) -> str:
    """Register a run's trainer with verl. Returns the name that verl finds it by."""
    name = f"eapo_{run.trainer}"
    register_trainer(name)(type("RunTrainer", bases(run), {}))
    return name
