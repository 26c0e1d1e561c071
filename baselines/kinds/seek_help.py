"""A trained policy that may still consult at evaluation."""

from pydantic import field_validator

from baselines.arm import Arm, Needs
from baselines.procedure import Replies
from baselines.procedures.consulting import Consulting
from eapo_verl.settings.base import Name, Settings
from eapo_verl.settings.method import Consultation


class SeekHelp(Arm):
    """Another arm's trained model of each seed, scored with the consultation open; nothing is trained.

    Of ``consultation`` counts what a consultation is made of: tags, queries, what experts are asked, their replies, the
    instruction, and ``turns.evaluation``. No trigger holds one back, and every reply is accepted.

    Attributes:
        start_from: the arm that trains the model.
    """

    experts: tuple[Name, ...]
    consultation: Consultation
    start_from: Name

    @field_validator("experts")
    @classmethod
    def _someone_to_consult(cls, value: tuple[Name, ...]) -> tuple[Name, ...]:
        if not value:
            raise ValueError("it consults at evaluation, but experts names none")
        return value

    @field_validator("consultation")
    @classmethod
    def _open(cls, value: Consultation) -> Consultation:
        if value.turns.evaluation < 1:
            raise ValueError("turns.evaluation is the number of consultations at evaluation, and has to be at least 1")
        return value

    def needs(self) -> Needs:
        """The other arm's run, and experts at evaluation."""
        return Needs(start=self.start_from, experts_at_evaluation=self.experts)

    def sampling(self) -> dict[str, Settings]:
        """Turns with consultations between them."""
        return {"procedure": Consulting.of(self.consultation), "replies": Replies.of(self.consultation)}

    def system_prompt_at_evaluation(self) -> str | None:
        """With the instruction to consult, where there is one, as in training."""
        return self.consultation.instructed(self.system_prompt)
