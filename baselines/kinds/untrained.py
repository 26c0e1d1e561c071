"""A model as it is."""

from baselines.arm import Arm
from eapo_verl.settings.method import Consultation


class Untrained(Arm):
    """A model that is scored and not trained; of ``consultation`` the tags alone matter."""

    consultation: Consultation

    def banned(self) -> tuple[str, ...]:
        """The opening tag, which a policy may know from its pre-training."""
        return (self.consultation.tags.consult_open,)
