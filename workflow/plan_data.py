"""The problem sets of an experiment, as the rules see them. Pure functions."""

import json
from pathlib import Path

from workflow.experiment import Experiment
from workflow.problem_sets import (
    Benchmark,
    Embedded,
    HeldOut,
    Hub,
    Local,
    Logic,
    Programs,
    Public,
    Worded,
    WordProblems,
    local_file,
    selection_of,
    tasks_of,
)
from workflow.runs import problems_file
from workflow.sources.selection import HoldOut

#: The training problems before some are held out.
_WHOLE = "train.whole"


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
        self._experiment = experiment
        self._results = results
        self._hold_out: HoldOut | None = getattr(experiment.train, "hold_out", None)
        self.benchmarks = list(experiment.benchmarks)
        self.embedded = [name for name, one in sets.items() if isinstance(one, Embedded)]
        self.word_problems = [name for name, one in sets.items() if isinstance(one, WordProblems)]
        self.logic = [name for name, one in sets.items() if isinstance(one, Logic)]
        self.programs = [name for name, one in sets.items() if isinstance(one, Programs)]
        #: Those that exclude the problems of each other.
        self._kinds = (self.embedded, self.word_problems, self.logic, self.programs)
        #: Parts of a set, for training or not.
        self.parts = [name for name, one in sets.items() if isinstance(one, HeldOut)]
        if self._hold_out is not None:
            sets[_WHOLE] = experiment.train
            self.parts = ["train", *self.parts]
        self._sets = sets
        self.downloaded = [name for name, one in sets.items() if isinstance(one, Hub) and name not in self.parts]
        made = {name for kind in (*self._kinds, self.parts, self.downloaded) for name in kind}
        #: Public and local ones.
        self.fetched = [name for name in sets if name not in made]

    def file(self, name: str) -> Path:
        """The file of a problem set."""
        return problems_file(self._results, name)

    def before(self, name: str) -> list[Path]:
        """The generated sets that one excludes the problems of: those of its source that are named before it."""
        kind = next(kind for kind in self._kinds if name in kind)
        return [self.file(one) for one in kind[: kind.index(name)]]

    def local_files(self, name: str) -> list[Path]:
        """The file that a fetched set is read from; none where it is downloaded."""
        path = local_file(name, self._sets[name], self._experiment.benchmark_dir)
        return [] if path is None else [path]

    def embedded_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.embedded.problems``."""
        one = self._sets[name]
        assert isinstance(one, Embedded)
        return [f"--set={name}={one.size}:{one.seed}", f"--out-dir={self.file(name).parent}"]

    def word_problem_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.word_problems``."""
        one = self._sets[name]
        assert isinstance(one, WordProblems)
        # Only where there are any: what was generated without is not generated again.
        families = [] if one.families is None else [f"--families={_options(one)}"]
        return [f"--n={one.size}", f"--seed={one.seed}", f"--task={one.task}", *families, *_instructed(one)]

    def program_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.programs``."""
        one = self._sets[name]
        assert isinstance(one, Programs)
        return [f"--n={one.size}", f"--seed={one.seed}", f"--task={one.task}", *_instructed(one)]

    def logic_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.logic``."""
        one = self._sets[name]
        assert isinstance(one, Logic)
        return [f"--n={one.size}", f"--seed={one.seed}", f"--families={_options(one)}", *_instructed(one)]

    def fetch_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.benchmarks``."""
        one = self._sets[name]
        assert isinstance(one, Local | Public)
        arguments = [*([f"--public={name}"] if isinstance(one, Public) else []), f"--task={one.task}"]
        selection = selection_of(one) if isinstance(one, Local) else {}
        first = one.first if isinstance(one, Public) else None
        # Only where there is one: what was fetched without any is not fetched again.
        arguments += [f"--select={json.dumps(selection)}"] if selection else []
        arguments += [] if first is None else [f"--first={first}"]
        return [*arguments, *_instructed(one)]

    def hub_sets(self) -> dict[str, Hub]:
        """The sets that are downloaded from a hub, by the names of their files."""
        return {name: one for name, one in self._sets.items() if isinstance(one, Hub) and name in self.downloaded}

    def download_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.hub_problems``."""
        one = self._sets[name]
        assert isinstance(one, Hub)
        where = [f"--{key}={getattr(one, key)}" for key in ("repo", "revision", "config", "split", "task")]
        return [*where, f"--select={json.dumps(selection_of(one))}", *_instructed(one)]

    def whole(self) -> Path:
        """What parts are taken from."""
        return self.file(_WHOLE)

    def part_arguments(self, name: str) -> list[str]:
        """Arguments of ``workflow.sources.hold_out``."""
        assert self._hold_out is not None
        one = self._sets[name]
        # The training set's own instruction stands in the whole.
        take = [f"--take={one.skip}:{one.size}", *_instructed(one)] if isinstance(one, HeldOut) else []
        return [f"--size={self._hold_out.size}", f"--seed={self._hold_out.seed}", *take]

    def overlap(self) -> list[Path]:
        """What says how training problems overlap with the benchmarks; nothing where they are generated."""
        return [self._results / "data" / "overlap.json"] if isinstance(self._experiment.train, Local | Hub) else []

    def overlap_arguments(self) -> list[str]:
        """Arguments of ``workflow.sources.overlap``."""
        limits = self._experiment.overlap.model_dump(exclude_none=True)
        benchmarks = [f"--benchmark={name}={self.file(name)}" for name in self.benchmarks]
        return [*benchmarks, *(f"--{key}={value}" for key, value in limits.items())]

    def tasks(self, *names: str) -> list[str]:
        """The tasks that the problems of these sets are of, or where none is named those of all."""
        asked = (tasks_of(self._sets[name], self._experiment.train) for name in names or self._sets)
        return sorted({task for one in asked for task in one})


def _options(one: Logic | WordProblems) -> str:
    """The families of a set with their options, as JSON."""
    return json.dumps(one.model_dump(mode="json")["families"], sort_keys=True)


def _instructed(one: Worded) -> list[str]:
    return [] if one.instruction is None else [f"--instruction={one.instruction}"]
