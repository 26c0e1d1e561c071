"""What an experiment says of tuning."""

from pydantic import Field

from eapo_verl.settings.base import Seed, Settings
from workflow.problem_sets import ProblemSet


class Tuning(Settings):
    """By which rule hyperparameters are chosen, the same for every trained arm.

    Attributes:
        trials: of each arm's grid, the arm as it is included.
        seeds: of the trials' runs; what is tuned on is never scored.
        validation: the problems that trials are scored on, none of which is in another set of the experiment.
    """

    trials: int = Field(ge=2)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    validation: ProblemSet

    def check_seeds(self, scored: tuple[int, ...]) -> None:
        """Raises ValueError where a seed stands there twice, or is one of the experiment's, ``scored``."""
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"tuning.seeds: {list(self.seeds)} names one twice")
        if both := set(self.seeds) & set(scored):
            raise ValueError(f"tuning.seeds: {min(both)} is one of seeds; a seed that is tuned on cannot be scored")
