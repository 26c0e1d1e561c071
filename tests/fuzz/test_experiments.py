"""Experiments that somebody has broken: each is refused in one line of ours, or planned to the last job's arguments."""

import copy
import datetime
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eapo_verl.settings.errors import one_line
from eapo_verl.settings.run import RunSettings
from eapo_verl.sft.settings import SFTSettings
from workflow.documents import read_document
from workflow.experiment import Experiment, load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.plan_data import DataPlan
from workflow.plan_models import ModelsPlan
from workflow.plan_sampling import SamplingPlan, task_code
from workflow.plan_shards import Asked, ShardPlan
from workflow.plan_solutions import SolutionsPlan
from workflow.sampling.__main__ import parse
from workflow.solutions.settings import JobSettings
from workflow.tuning.plan import TuningPlan

#: Configurations that are tried, at once and with the rival arms' tests, and files of broken bytes.
MUTANTS, MORE, FILES = 1000, 4000, 1000
SOURCE = "config/mine.yaml"
SHIPPED = {path.stem: path.read_text() for path in sorted(Path("config").glob("*.yaml"))}
READ: dict[str, Any] = {name: yaml.safe_load(text) for name, text in SHIPPED.items()}
#: The small ones more often: they are planned in less time.
BASES = [READ[name] for name in ("smoke", "smoke", "smoke", "smoke", "smollm2", "smollm2", "default", "full")]
#: What Linux takes as one argument, less what a shell's quotes add to a line.
LONGEST_LINE = 100_000

WORDS = [
    "", " ", "\n", "x", "x" * 300_000, "€ ü", "../up", "~", "a b", "$(id)", "'", '"', "{", "{query}", "a\0b", "\ud800",
    "\x1b[31m", "-x", "--out", "1e999", "9" * 400, "0x10", "base", "all", "macro", "train", "validation", "tuning",
    "none", "policy", "expert_a", "eapo", "integers", "integers_bare", "README.md", "docs", "/dev/zero",
    "/" + "x" * 5000, "yes", "<consult>", "|", "\\boxed{", "http://h/v1", "a" * 100, "exact", "never", "always",
    "local", "embedded", "smollm2",
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 2, 3, 7, 10**6, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63, 10**30, 1 << 20_000, 0.0, 0.5, 1.0, 1.5, -0.5,
    1e-9, 5e-324, 1e308, math.inf, -math.inf, math.nan, True, False,
]  # fmt: skip
OTHERS = [
    None, [], {}, [[]], [None], [1, 1], ["eapo", "eapo"], [["eapo", "eapo"]], {"a": {}}, {"kind": "cosine"}, {1: 2},
    {None: 1}, {("a", "b"): 1}, (1, 2), {1, 2}, b"\x00\xff", datetime.date(2026, 2, 3), {"peak": 0.5},
    list(range(20_000)), {"of": "eapo"}, {"source": "local", "path": "README.md"},
    {"source": "embedded", "size": 1, "seed": 1},
    {"trainer.v1.trainer_mode": "async"}, {"actor_rollout_ref.actor.ppo_epochs": None}, {"no.such": 1},
]  # fmt: skip
HOSTILE = [*WORDS, *NUMBERS, *OTHERS]

CHANGES = ["replace", "replace", "replace", "nudge", "nudge", "remove", "twice", "rename", "swap", "loop"]


def places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list with each of its keys, as far as one may go where a value holds itself."""
    if depth > 8 or not isinstance(value, dict | list) or len(value) > 100:
        return
    for key in [*value] if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from places(value[key], depth + 1)


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """An experiment that ships, with one to three changes."""
    config = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        found = list(places(config))
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(CHANGES))
        other, of = found[draw(st.integers(0, len(found) - 1))]
        if change == "nudge" and isinstance(holder[key], int | float):
            holder[key] = draw(st.sampled_from([holder[key] * 2, holder[key] + 1, holder[key] // 2, -holder[key]]))
        elif change in ("replace", "nudge"):
            holder[key] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
        elif change == "swap":
            holder[key] = copy.deepcopy(other[of])
        elif change == "loop":
            holder[key] = other
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif change == "twice":
            holder[f"{key}_2"] = copy.deepcopy(holder[key])
        else:
            taken = holder.pop(key)
            if change == "rename":
                holder[draw(st.sampled_from([*WORDS, 3, None, True]))] = taken
        if not config:
            break
    return config


def check_complaint(error: ExperimentError) -> None:
    said = str(error)
    assert said.startswith((f"{SOURCE}: ", "tuning: ", "tuned: ", "variants: ", "shard_")), said[:200]
    assert said.isprintable() and len(said) < 1500, said[:200]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Arguments of sampling that name files: a model and a benchmark."""
    folder = tmp_path_factory.mktemp("sampled")
    for name, content in {"config.json": "{}", "tokenizer_config.json": '{"chat_template": "x"}', "a.bin": ""}.items():
        (folder / name).write_text(content)
    (folder / "a.jsonl").write_text('{"id": "q", "problem": "1+1", "answer": "2"}')
    return ["--model", str(folder), "--benchmark", f"a={folder / 'a.jsonl'}", "--out-dir", str(folder)]


def plan_all(experiment: Experiment, files: list[str]) -> None:
    """Whatever the rules ask of an experiment, and what its programs read of it."""
    results = Path("results/mine")
    plan = Plan(experiment, "mine", results)
    shard = ShardPlan(experiment, plan, Asked())
    assert shard.files() and shard.description() and plan.training_slots(2) >= 1 and plan.arms_described()
    data = DataPlan(experiment, results)
    for name in ["train", "validation", *data.benchmarks]:
        assert task_code(*data.tasks(name))
    assert all(map(data.embedded_arguments, data.embedded)) and all(map(data.fetch_arguments, data.fetched))
    assert all(map(data.word_problem_arguments, data.word_problems)) and all(map(data.program_arguments, data.programs))
    models = ModelsPlan(experiment)
    for role in ("policy", "expert"):
        assert all(map(models.pretrain_arguments, models.embedded(role)))
    seen = set()
    for arm, seed in plan.cells:
        if arm not in seen:
            seen.add(arm)
            check_sampling(experiment, plan, arm, seed, files)
            if arm in plan.trained_arms:
                check_run(plan, arm, seed)
    solutions = SolutionsPlan(experiment, plan)
    for expert in solutions.experts:
        assert solutions.identity(expert) and len(solutions.settings(expert)) < LONGEST_LINE
        read = yaml.load(solutions.settings(expert), yaml.CSafeLoader)
        JobSettings.model_validate(read | {"expert": at_an_address(read["expert"])})
    TuningPlan(experiment, "mine", results)


def check_sampling(experiment: Experiment, plan: Plan, arm: str, seed: int, files: list[str]) -> None:
    sampling = SamplingPlan(experiment)
    options = plan.sampler_options(arm)
    asked = [*sampling.identity(arm, seed), *sampling.operation()]
    assert sum(map(len, [*asked, *options, *sampling.conditions(arm)])) < LONGEST_LINE
    # What other arms' samples cost, and what models hold, is in files that are made later.
    if "--samples-of" not in options and "--experts" not in options:
        parse([*files, *asked, *options])


def check_run(plan: Plan, arm: str, seed: int) -> None:
    written = plan.settings(arm, seed)
    assert len(written) < LONGEST_LINE and plan.identity(arm, seed) and plan.run_files(arm, seed)
    plan.lease(arm, seed, "training")
    read = yaml.load(written, yaml.CSafeLoader)
    read["experts"] = [at_an_address(expert) for expert in read.get("experts", [])]
    program = {"eapo_verl.train": RunSettings, "eapo_verl.sft": SFTSettings}[plan.program(arm)]
    program(**read)


def at_an_address(expert: dict[str, Any]) -> dict[str, Any]:
    return {"base_url": "http://127.0.0.1:1/v1", "model": "m"} | expert


def try_out(config: Any, files: list[str]) -> None:
    try:
        plan_all(load_experiment(config, SOURCE), files)
    except ExperimentError as error:
        check_complaint(error)


def tried(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )


@tried(MUTANTS)
@given(config=mutants())
def test_an_experiment_is_refused_in_one_line_or_planned(config: dict[str, Any], files: list[str]) -> None:
    try_out(config, files)


@pytest.mark.arm
@tried(MORE)
@given(config=mutants())
def test_so_are_many_more(config: dict[str, Any], files: list[str]) -> None:
    try_out(config, files)


def test_what_ships_is_planned(files: list[str]) -> None:
    for config in READ.values():
        plan_all(load_experiment(config, SOURCE), files)


def test_a_file_is_refused_in_one_line_or_read(tmp_path: Path, files: list[str]) -> None:
    rng = random.Random("bytes of experiments")
    texts = [SHIPPED[name].encode() for name in ("smoke", "smollm2")]
    pieces = [b"\0", b"\xff", b"\t", b":", b"- ", b"*a ", b"&a ", b"<<: ", b"!!binary ", b"!!bool ", b"? ", b"\n\n"]
    path = tmp_path / "mine.yaml"
    read = 0
    for _ in range(FILES):
        content = bytearray(rng.choice(texts))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(content))
            other = rng.randrange(len(content))
            new = rng.choice([rng.choice(pieces), content[other : other + 60]])
            content[place : place + rng.choice([0, 1, 40])] = new
        path.write_bytes(content)
        try:
            document = read_document(path)
        except (OSError, ValueError) as error:
            said = one_line(SOURCE, error)
            assert said.isprintable() and len(said) < 1500
        else:
            read += 1
            try_out(document, files)
    assert FILES / 20 < read < FILES
