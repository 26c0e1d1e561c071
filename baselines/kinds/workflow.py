"""The policy as it is, which takes several turns to an answer, with or without experts between them."""

from pydantic import Field, model_validator

from baselines.arm import Arm, Needs, Spending
from baselines.procedure import Replies
from baselines.procedures import AnyProcedure
from eapo_verl.settings.base import Name, Settings
from eapo_verl.settings.method import Consultation


class Workflow(Arm):
    """A model that is not trained, and whose samples come about by a procedure.

    Of ``consultation`` the tags matter, of which none can come from an expert and the opening one cannot be sampled,
    and where experts are asked, what bounds their replies.

    Attributes:
        expert_max_tokens: of an expert's answer; None: the expert's own ``max_tokens``, which is that of a query.
        procedure: see :mod:`baselines.procedures`.
    """

    experts: tuple[Name, ...]
    consultation: Consultation
    expert_max_tokens: int | None = Field(None, ge=1)
    procedure: AnyProcedure

    @model_validator(mode="after")
    def _someone_to_ask(self) -> "Workflow":
        if self.procedure.asks and not self.experts:
            raise ValueError(f"{self.procedure.name} asks experts, but experts names none")
        return self

    def needs(self) -> Needs:
        """Experts at evaluation, where the procedure asks them, and the samples that it goes by."""
        worth = self.procedure.worth
        return Needs(
            samples_of=worth.arm if worth else None,
            responses_of=worth.like if worth else None,
            experts_at_evaluation=self.experts if self.procedure.asks else (),
        )

    def spends(self) -> dict[Spending, str]:
        """Several responses for an answer."""
        return {"evaluation_tokens": f"{self.procedure.name}, of several turns"}

    def sampling(self) -> dict[str, Settings]:
        """The procedure, and how experts are asked."""
        asking = {"replies": Replies.of(self.consultation, self.expert_max_tokens)} if self.procedure.asks else {}
        return {"procedure": self.procedure, **asking}

    def banned(self) -> tuple[str, ...]:
        """The opening tag, which a policy may know from its pre-training."""
        return (self.consultation.tags.consult_open,)
