"""A shard of an experiment: some of its arms and seeds, whose scores and runs are kept in one small folder. Pure."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from eapo_verl.settings.identity import identity, later
from workflow.experiment import Experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.plan_sampling import SamplingPlan
from workflow.problem_sets import domains_of
from workflow.runs import config_sha256

Cell = tuple[str, int]
_SEEDS, _ARMS = "shard_seeds", "shard_arms"
#: Characters of a shard's name that seeds may take, and arms; file names end at 255 bytes.
_LONGEST = 100


class Asked(NamedTuple):
    """Which seeds and arms a user wants, as words; nothing where all are wanted."""

    seeds: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()

    @classmethod
    def taken_from(cls, config: dict[str, Any]) -> "Asked":
        """Takes ``shard_seeds`` and ``shard_arms``, lists or words in a text, out of what Snakemake read."""
        return cls(_words(config.pop(_SEEDS, None)), _words(config.pop(_ARMS, None)))


class ShardPlan:
    """The shard that is asked for.

    It holds each wanted arm with each wanted seed, and the arms whose runs of the same seed these need: no table ever
    sets a run beside another one than it was made from. An arm without training seeds, which is scored once, comes with
    the experiment's first seed: it is in one shard, and not drawn again on another machine.

    Args:
        experiment: checked.
        plan: of its runs.
        asked: the wanted seeds and arms.

    Raises:
        ExperimentError: a seed or an arm is none of the experiment's, or an arm does not come with these seeds.
    """

    def __init__(self, experiment: Experiment, plan: Plan, asked: Asked) -> None:
        self._experiment = experiment
        self._plan = plan
        seeds = {int(seed) for seed in _known(_SEEDS, asked.seeds, map(str, experiment.seeds))}
        named = _known(_ARMS, asked.arms, plan.arms)
        arms = _with_needed(experiment, named)
        first = experiment.seeds[0]
        #: (arm, seed) of what it holds, in the experiment's order.
        self.cells: list[Cell] = [
            (arm, seed)
            for arm, seed in plan.cells
            if arm in arms and (seed in seeds if plan.has_seeds(arm) else first in seeds)
        ]
        for arm in asked.arms if self.cells else named:
            if arm not in {cell[0] for cell in self.cells}:
                raise ExperimentError(
                    f"{_ARMS}: {arm!r} is scored once, without a training seed, and comes with the experiment's first "
                    f"seed: {_SEEDS} has to name {first}"
                )
        names = [arm for arm in plan.arms if arm in arms]
        #: Its name, by which it is told apart from the experiment's other shards.
        self.name = _name([seed for seed in experiment.seeds if seed in seeds], names if names != plan.arms else [])
        #: Its folder.
        self.folder = plan.results / "shards" / self.name

    def files(self) -> list[Path]:
        """The files that it holds, where they are made."""
        return [self._plan.results / name for name in shard_files(self.described())]

    def described(self) -> dict[str, Any]:
        """What ``shard.json`` says (:mod:`analysis.intake.shards`) that is known before anything is made."""
        experiment = self._experiment
        domains = domains_of(experiment.train, experiment.benchmarks)
        return {
            "experiment": self._plan.name,
            "experiment_sha256": experiment_sha256(experiment),
            "shard": self.name,
            "k": experiment.evaluation.k,
            "benchmarks": list(experiment.benchmarks),
            "comparisons": experiment.comparisons,
            "smallest_effect": experiment.smallest_effect,
            "ablations": experiment.ablations,
            **({} if domains is None else {"domains": domains._asdict()}),
            "sensitivity": [[*one[:2], f"{one.temperature:g}"] for one in experiment.settings_compared()],
            "declared": self._plan.cells,
            "cells": self.cells,
            "runs": [cell for cell in self.cells if cell[0] in self._plan.trained_arms],
        }

    def description(self) -> str:
        """The same as JSON."""
        return json.dumps(self.described())


def shard_files(described: dict[str, Any]) -> list[str]:
    """The files of a shard, as they are called below its folder and below the experiment's results folder alike."""
    files = ["arms.json"]
    for arm, seed in described["cells"]:
        for benchmark in described["benchmarks"]:
            files += [f"grades/{arm}/seed{seed}/{benchmark}.parquet"]
            files += [f"samples/{arm}/seed{seed}/{benchmark}.provenance.json"]
    for arm, seed in described["runs"]:
        files += [f"runs/{arm}/seed{seed}/{name}" for name in ("run.json", "metrics.jsonl", "rollouts.jsonl.gz")]
    return files


def experiment_sha256(experiment: Experiment) -> str:
    """What shards are merged by: a digest of all that any score of the experiment and any test of it depends on.

    Not in it are the training seeds, of which an experiment may get more, and k, by which samples are only counted.
    """
    sampling, domains = SamplingPlan(experiment), domains_of(experiment.train, experiment.benchmarks)
    parts = {
        "arms": [
            [
                *(arm, config_sha256(experiment, arm, 0)),
                *(part for option in sampling.options(arm, 0) for part in option),
                *sampling.conditions(arm),
            ]
            for arm in experiment.arms
        ],
        "benchmarks": [[name, identity(one)] for name, one in experiment.benchmarks.items()],
        "comparisons": experiment.comparisons,
        "ablations": experiment.ablations,
        **later(experiment, "smallest_effect"),
        **later(experiment, "sensitivity"),
        # Where there is but one, no test depends on it.
        **({} if domains is None else {"domains": domains}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _words(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    texts = value if isinstance(value, list) else str(value).replace(",", " ").split()
    return tuple(map(str, texts))


def _known(key: str, wanted: tuple[str, ...], allowed: Iterable[str]) -> list[str]:
    """``wanted``, or all; raises ExperimentError for one that is not allowed."""
    there = list(allowed)
    for one in wanted:
        if one not in there:
            raise ExperimentError(f"{key}: {one[:40]!r} is none of the experiment's; allowed are {', '.join(there)}")
    return list(wanted) or there


def _with_needed(experiment: Experiment, arms: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(arms)
    while waiting:
        arm = waiting.pop()
        if arm not in found:
            found.add(arm)
            needs = experiment.arms[arm].needs()
            waiting += [*needs.runs, *needs.samples]
    return found


def _name(seeds: list[int], arms: list[str]) -> str:
    name = f"seed{_joined(map(str, seeds), 'seeds')}"
    return f"{name}.{_joined(arms, 'arms')}" if arms else name


def _joined(words: Iterable[str], what: str) -> str:
    """The words, or where they are too long how many there are, and a digest."""
    several = list(words)
    joined = "+".join(several)
    if len(joined) <= _LONGEST:
        return joined
    return f"{len(several)}{what}-{hashlib.sha256(joined.encode()).hexdigest()[:8]}"
