"""Tuning as the rules see it: which runs it consists of, and what its rule file is made from. Pure but for grids."""

import sys
from pathlib import Path

from workflow.documents import one_line_of
from workflow.experiment import Experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.runs import problems_file
from workflow.tuning.rule import read_rule
from workflow.tuning.trials import Trials, basis, check_rule, trials_of


class TuningPlan:
    """The trials' runs, in a folder of their own; models, solutions and training problems are the experiment's.

    Many an experiment cannot be tuned, and need not be: then there are no runs, and ``refusal`` says why.

    Args:
        experiment: checked.
        name: its name.
        results: its results folder.

    Raises:
        ExperimentError: the experiment names a rule file that is not its own.
    """

    def __init__(self, experiment: Experiment, name: str, results: Path) -> None:
        self._experiment = experiment
        self._trials: Trials | None = None
        self.refusal: str | None = None
        self.folder = results / "tuning"
        try:
            self._trials = trials_of(experiment)
        except ExperimentError as error:
            if experiment.tuned is not None:
                raise
            self.refusal = str(error)
        if experiment.tuned is not None and self._trials is not None:
            check_rule(experiment.tuned, read_rule(experiment.tuned), experiment, self._trials)
        #: Of the trials' runs.
        self.plan = Plan(self._trials.experiment if self._trials else experiment, name, results, self.folder)
        #: Arms of the tuning experiment that are trained, and its seeds; none where nothing can be tuned.
        self.arms = self.plan.trained_arms if self._trials else []
        self.seeds = self._trials.tuning.seeds if self._trials else ()
        sets = ["train", "validation", *experiment.benchmarks]
        #: The problems of tuning as they were drawn, and those of all other sets.
        self.drawn = problems_file(results, "tuning")
        self.others = [problems_file(results, one) for one in sets]
        #: The problems of tuning, none of which is in another set.
        self.problems = problems_file(self.folder, "validation")
        self.rule_file = self.folder / "tuned.yaml"

    def runs(self) -> list[Path]:
        """The files that tell of every trial's runs; ends the process, with one line, where nothing can be tuned.

        Snakemake asks when somebody wants to tune, and not before; of any other error it would tell more than one line.
        """
        if self._trials is None:
            sys.exit(f"experiment: {self.plan.name}: {self.refusal}")
        runs = [
            self.plan.run(trial.name, seed)
            for trials in self._trials.arms.values()
            for trial in trials
            for seed in self.seeds
        ]
        return [run / file for run in runs for file in ("run.json", "metrics.jsonl")]

    def settings(self) -> str:
        """What the rule file is made from (:class:`workflow.tuning.evidence.Job`), as YAML."""
        assert self._trials is not None
        arms = {
            name: [
                {
                    "changes": trial.changes,
                    "runs": [str(self.plan.run(trial.name, seed)) for seed in self.seeds],
                    "config_sha256": [self.plan.identity(trial.name, seed) for seed in self.seeds],
                }
                for trial in trials
            ]
            for name, trials in self._trials.arms.items()
        }
        settings = {
            "experiment": self.plan.name,
            "made_for": basis(self._experiment),
            "seeds": list(self.seeds),
            "validation": self._trials.tuning.validation.model_dump(mode="json"),
            "validation_samples": self._experiment.training.budget.validation_samples,
            "arms": arms,
        }
        return one_line_of(settings)
