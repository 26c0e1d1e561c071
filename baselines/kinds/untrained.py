"""A model as it is."""

from typing import Annotated

from pydantic import Field

from baselines.arm import Arm
from eapo_verl.settings.identity import LATER
from eapo_verl.settings.method import Consultation


class Untrained(Arm):
    """A model that is scored and not trained; of ``consultation`` the tags alone matter.

    Attributes:
        temperature: of its samples; None: the experiment's.
    """

    consultation: Consultation
    temperature: Annotated[float | None, Field(ge=0.01), LATER] = None

    def temperature_at_evaluation(self) -> float | None:
        """Its own."""
        return self.temperature

    def banned(self) -> tuple[str, ...]:
        """The opening tag, which a policy may know from its pre-training."""
        return (self.consultation.tags.consult_open,)
