"""Which experts solve an experiment's training problems, and how they are asked, as the rules see it. Pure."""

import hashlib
import json
from pathlib import Path

from eapo_verl.record.solutions import provenance_file
from eapo_verl.settings.identity import identity
from workflow.documents import one_line_of
from workflow.experiment import Experiment
from workflow.models import Expert
from workflow.plan import Plan
from workflow.runs import asked_solutions, expert_identity, problems_file, solutions_file


class SolutionsPlan:
    """The stage of experts' solutions.

    Args:
        experiment: checked.
        plan: of its runs.
    """

    def __init__(self, experiment: Experiment, plan: Plan) -> None:
        self._experiment = experiment
        self._plan = plan
        needed = {name for arm in experiment.arms.values() for name in arm.needs().solutions}
        #: The experts whose solutions some arm needs.
        self.experts = [expert.name for expert in experiment.experts_named(needed)]

    def file(self, expert: str) -> Path:
        """The file of an expert's solutions."""
        return solutions_file(self._plan.results, expert)

    def provenance(self, expert: str) -> Path:
        """What stands beside it."""
        return provenance_file(self.file(expert))

    def _served(self) -> list[Expert]:
        return [one for one in self._experiment.experts_named(self.experts) if one.serve is not None]

    def served_models(self, expert: str) -> list[Path]:
        """The folders of the models that have to be served, for an expert that is."""
        served = self._served()
        return [self._plan.model(str(one.serve)) for one in served] if expert in [one.name for one in served] else []

    def lease(self, expert: str) -> list[str]:
        """The words that go before the command; these experts share a service, also with arms that consult them all."""
        return self._plan.lease_of(self._served(), self.endpoints(expert)) if self.served_models(expert) else []

    def endpoints(self, expert: str) -> Path:
        """The file that says where the experts are."""
        return self._plan.results / "services" / f"solutions.{expert}.json"

    def settings(self, expert: str) -> str:
        """The settings of an expert's job as YAML."""
        (asked,) = self._experiment.experts_named([expert])
        consultation = self._experiment.consultation
        settings = {
            "experiment": self._plan.name,
            "expert": asked.settings(),
            "model": str(self._plan.model(asked.serve)) if asked.serve is not None else None,
            "problems_file": str(problems_file(self._plan.results, "train")),
            "solutions": asked_solutions(self._experiment).model_dump(mode="json"),
            "pool": consultation.pool.model_dump(mode="json"),
            "tags": consultation.tags.model_dump(mode="json"),
        }
        return one_line_of(settings)

    def settings_file(self, expert: str) -> Path:
        """Where the job finds its settings."""
        return self._plan.results / "settings" / f"solutions.{expert}.yaml"

    def journal(self) -> Path:
        """The folder of replies, which outlives the jobs."""
        return self._plan.results / "solutions" / ".asked"

    def identity(self, expert: str) -> str:
        """What an expert is asked again for when it changes, beside the problems."""
        parts = {
            "asked": identity(asked_solutions(self._experiment)),
            "expert": expert_identity(self._experiment, expert),
            "reply_max_bytes": self._experiment.consultation.pool.reply_max_bytes,
            "tags": identity(self._experiment.consultation.tags),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
