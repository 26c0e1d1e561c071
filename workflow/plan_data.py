"""The problem sets of an experiment, as the rules see them. Pure functions."""

import json
from pathlib import Path

from workflow.experiment import Experiment
from workflow.problem_sets import Benchmark, Embedded, Logic, Programs, Public, Worded, WordProblems, local_file
from workflow.runs import problems_file


class DataPlan:
    """Where each problem set comes from.

    Args:
        experiment: checked.
        results: its results folder.
    """

    def __init__(self, experiment: Experiment, results: Path) -> None:
        sets: dict[str, Benchmark] = {
            "train": experiment.train,
            "validation": experiment.validation,
            **experiment.benchmarks,
        }
        if experiment.tuning is not None:
            # Last: what it excludes, the others have whether anything is tuned or not.
            sets["tuning"] = experiment.tuning.validation
        self._results = results
        self._sets = sets
        self._folder = experiment.benchmark_dir
        self.benchmarks = list(experiment.benchmarks)
        self.embedded = [name for name, one in sets.items() if isinstance(one, Embedded)]
        self.word_problems = [name for name, one in sets.items() if isinstance(one, WordProblems)]
        self.logic = [name for name, one in sets.items() if isinstance(one, Logic)]
        self.programs = [name for name, one in sets.items() if isinstance(one, Programs)]
        #: Those that exclude the problems of each other.
        self._kinds = (self.embedded, self.word_problems, self.logic, self.programs)
        #: Public and local ones.
        self.fetched = [name for name in sets if not any(name in kind for kind in self._kinds)]

    def file(self, name: str) -> Path:
        """The file of a problem set."""
        return problems_file(self._results, name)

    def before(self, name: str) -> list[Path]:
        """The generated sets that one excludes the problems of: those of its source that are named before it."""
        kind = next(kind for kind in self._kinds if name in kind)
        return [self.file(one) for one in kind[: kind.index(name)]]

    def local_files(self, name: str) -> list[Path]:
        """The file that a fetched set is read from; none where it is downloaded."""
        path = local_file(name, self._sets[name], self._folder)
        return [] if path is None else [path]

    def embedded_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.embedded.problems``."""
        one = self._sets[name]
        assert isinstance(one, Embedded)
        return [f"--set={name}={one.size}:{one.seed}", f"--out-dir={self.file(name).parent}"]

    def word_problem_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.word_problems`` and ``workflow.sources.programs``."""
        one = self._sets[name]
        assert isinstance(one, WordProblems | Programs)
        return [f"--n={one.size}", f"--seed={one.seed}", f"--task={one.task}", *_instructed(one)]

    def logic_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.logic``."""
        one = self._sets[name]
        assert isinstance(one, Logic)
        families = json.dumps(one.model_dump(mode="json")["families"], sort_keys=True)
        return [f"--n={one.size}", f"--seed={one.seed}", f"--families={families}", *_instructed(one)]

    def fetch_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.benchmarks``."""
        one = self._sets[name]
        assert not isinstance(one, Embedded | WordProblems | Logic | Programs)
        return [*([f"--public={name}"] if isinstance(one, Public) else []), f"--task={one.task}", *_instructed(one)]

    def tasks(self, *names: str) -> list[str]:
        """The tasks that the problems of these sets are of, or where none is named those of all."""
        return sorted({task for name in names or self._sets for task in self._sets[name].tasks})


def _instructed(one: Worded) -> list[str]:
    return [] if one.instruction is None else [f"--instruction={one.instruction}"]
