"""The experiment's schema: what ships is valid, and what is broken is said in one line."""

from pathlib import Path

import pytest
import yaml

from tests.default_experiment import broken
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError, methods
from workflow.plan import Plan

CONFIGS = sorted(Path("config").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    load_experiment(yaml.safe_load(path.read_text()), str(path))


BROKEN = {
    "unknown key": (broken(sedes=[1]), "sedes"),
    "unknown nested key": (broken(training__budget__stepz=3), "training.budget.stepz"),
    "wrong type": (broken(training__budget__steps="many"), "training.budget.steps"),
    "unknown method": (
        broken(methods=["self_exploratory", "magic"]), f"allowed are {', '.join(sorted(methods()))}"
    ),
    "no seeds": (broken(seeds=[]), "seeds"),
    "seed twice": (broken(seeds=[1, 1]), "seeds"),
    "expert without base_url": (broken(experts=[{"name": "far", "model": "m"}]), "base_url"),
    "expert without model": (broken(experts=[{"name": "far", "base_url": "http://h/v1"}]), "model"),
    "expert with a strange url": (broken(experts=[{"name": "far", "base_url": "h", "model": "m"}]), "base_url"),
    "no expert": (broken(experts=[]), "experts"),
    "K below 1": (broken(consultation__max_queries=0), "consultation.max_queries"),
    "k above samples": (broken(evaluation__k=33), "k (33) cannot be larger than samples (32)"),
    "missing benchmark file": (broken(benchmarks={"aime_2024": {"source": "public", "path": "no.jsonl"}}), "no.jsonl"),
    "unknown acceptance": (broken(consultation__acceptance={"kind": "sudden"}), "consultation.acceptance.kind"),
    "unknown policy": (broken(policy="gpt"), "policy"),
    "machines twice": (
        broken(resources__training_nodes=2, training__verl={"trainer.nnodes": 2}),
        "training.verl: trainer.nnodes: resources.training_nodes (2) says on how many machines a run is",
    ),
    "uneven mini-batches": (broken(training__budget__mini_batches=5), "mini_batches"),
    "comparison with a stranger": (broken(comparisons=[["eapo", "magic"]]), "comparisons"),
    "comparison with itself": (broken(comparisons=[["eapo", "eapo"]]), "comparisons: 'eapo' against 'eapo'"),
    "comparison twice": (
        broken(comparisons=[["eapo", "base"], ["base", "eapo"]]), "comparisons: 'base' against 'eapo': each is of two"
    ),
    "effect of interest in points": (broken(smallest_effect=2), "smallest_effect: Input should be less than or equal"),
    "no effect of interest": (broken(smallest_effect=0.0), "smallest_effect: Input should be greater than or equal"),
    "ablation twice": (
        broken(ablations=[["a", "eapo", "base"], ["b", "eapo", "base"]]), "ablations: 'eapo' against 'base'"
    ),
    "not a mapping": (["methods"], "Input should be a valid dictionary"),
    "a truth for a number": (broken(training__budget__steps=True), "training.budget: steps is a number, got true"),
    "no finite number": (
        broken(training__optimiser__learning_rate=float("inf")), "training.optimiser.learning_rate: Input should be"
    ),
    "text of two lines": (broken(train__source="em\nbedded"), "train: Input tag 'em bedded' found"),
    "folder for a file": (
        broken(benchmarks={"mine": {"source": "local", "path": "docs"}}), "benchmarks.mine.path: docs is no file"
    ),
    "variant that nobody uses": (
        broken(variants={"mine": {"of": "eapo", "reward": {"bonsu": 1}}}), "method mine: reward.bonsu: Extra inputs"
    ),
    "variant of a stranger": (broken(variants={"mine": {"of": "magic"}}), "variants.mine.of: 'magic' is unknown"),
    "variant with an unknown key": (
        broken(variants={"mine": {"of": "eapo", "reward": {"bonsu": 1}}}, methods=["mine"],
               comparisons=[["mine", "base"]]),
        "method mine: reward.bonsu: Extra inputs are not permitted",
    ),
    "variant with a key that its kind has not": (
        broken(variants={"mine": {"of": "base", "reward": {}}}, methods=["mine"]),
        "variants.mine: reward: no key of a method of kind untrained, which has policy, system_prompt, "
        "chat_template_kwargs, consultation",
    ),
    "variant of another kind": (
        broken(variants={"mine": {"of": "eapo", "kind": "untrained"}}, methods=["mine"]),
        "variants.mine: kind: no key of a method of kind rl",
    ),
    "variant with a strange policy": (
        broken(variants={"mine": {"of": "eapo", "policy": "gpt"}}, methods=["self_exploratory", "eapo", "mine"],
               comparisons=[["mine", "base"]]),
        "method mine: policy: 'gpt' is not one of models",
    ),
    "variant with a strange expert": (
        broken(variants={"mine": {"of": "eapo", "experts": ["gpt"]}}, methods=["self_exploratory", "eapo", "mine"],
               comparisons=[["mine", "base"]]),
        "method mine: experts: 'gpt' is not one of the experiment's (expert_a, expert_b)",
    ),
    "reference that is unknown": (broken(references=["magic"]), "references: 'magic' is unknown"),
    "comparison with what is not scored": (broken(references=[]), "comparisons: 'base' is none of the arms"),
    "bonus and cost beyond the answer": (broken(reward__bonus={"peak": 1.0}, methods=["self_exploratory"],
                                                comparisons=[["self_exploratory", "base"]]), "add up to 1 or more"),
    "unknown reward": (broken(reward__answer="bleu"), "allowed are exact, f1_paper"),
    "ablation with a stranger": (broken(ablations=[["gate", "eapo", "magic"]]), "ablations"),
    "tags alike": (broken(consultation__tags={"consult_open": "<reply>"}), "told apart"),
    "turns that grow": (broken(consultation__turns={"train": 1, "evaluation": 2}), "consultation.turns"),
    "no budget": (broken(training__budget=None), "training.budget"),
    "benchmark of no source": (broken(benchmarks={"mine": {"path": "x.jsonl"}}), "benchmarks.mine"),
    "benchmark of an unknown source": (
        broken(benchmarks={"mine": {"source": "web"}}),
        "'embedded', 'word_problems', 'logic', 'programs', 'local', 'hub', 'held_out', 'public'"),
    "benchmark of an unknown family": (
        broken(benchmarks={"mine": {"source": "logic", "size": 5, "seed": 1, "families": {"sudoku": {}}}}),
        "benchmarks.mine.logic.families: 'sudoku' is no family of puzzles; allowed are circuit_logic, "),
    "puzzles of a kind that there is not": (
        broken(train={"source": "logic", "size": 5, "seed": 1, "families": {"knights_knaves": {"people": 1}}}),
        "train.logic.families: knights_knaves: people: Input should be greater than or equal to 2"),
    "word problems of an unknown family": (
        broken(train={"source": "word_problems", "size": 5, "seed": 1, "families": {"sudoku": {}}}),
        "train.word_problems.families: 'sudoku' is no family of word problems; allowed are basic_arithmetic, "),
    "puzzles for models that read no words": (
        broken(benchmarks={"mine": {"source": "logic", "size": 5, "seed": 1, "families": {"syllogism": {}}}}),
        "benchmarks.mine.task: 'short_text' is asked in words"),
    "instruction that is blank": (
        broken(benchmarks={"mine": {"source": "public", "instruction": " "}}),
        "benchmarks.mine.public.instruction: it is blank"),
    "chat template argument of the tokenizer's own": (
        broken(chat_template_kwargs={"tokenize": True}), "tokenize is the tokenizer's own"),
    "chat template argument with a strange name": (broken(chat_template_kwargs={"a b": 1}), "chat_template_kwargs"),
    "chat template argument that is no plain value": (
        broken(chat_template_kwargs={"thinking": [1]}),
        "chat_template_kwargs.thinking: needed is true, false, a number, or text without a dollar sign"),
    "chat template argument that would be computed": (
        broken(chat_template_kwargs={"thinking": "${a}"}), "chat_template_kwargs.thinking: needed is true, false, a"),
    "stop string that is no list": (
        broken(evaluation__stop="\n"), r'evaluation.stop: needed is a list of strings, ["\n\n"] say'),
    "empty stop string": (broken(evaluation__stop=[""]), "evaluation.stop.0"),
    "more memory than there is": (broken(evaluation__gpu_memory_utilization=1.5), "evaluation.gpu_memory_utilization"),
    "benchmark of an unknown task": (
        broken(benchmarks={"mine": {"source": "local", "path": "pyproject.toml", "task": "poems"}}),
        "benchmarks.mine.local.task: task 'poems' is not known; allowed are integers, "),
    "benchmark without a file": (broken(benchmarks={"mine": {"source": "local"}}), "benchmarks.mine.local.path"),
    "benchmark whose file is not there": (
        broken(benchmarks={"mine": {"source": "local", "path": "no.jsonl"}}),
        "benchmarks.mine.path: no.jsonl does not exist"),
    "public benchmark of another name": (
        broken(benchmarks={"gsm8k": {"source": "public"}}),
        "'gsm8k' is no public benchmark; allowed are aime_2024, aime_2025, aimo_2025, humaneval, or source local"),
    "public benchmark of programs asked for integers": (
        broken(benchmarks={"humaneval": {"source": "public"}}),
        "benchmarks.humaneval.task: its answers are not those of 'integers'; allowed are python, python_bare"),
    "public benchmark of integers asked for programs": (
        broken(benchmarks={"aime_2024": {"source": "public", "task": "python"}}),
        "benchmarks.aime_2024.task: its answers are not those of 'python'; allowed are integers, integers_bare, num"),
    "benchmark named as a row of the tables": (
        broken(benchmarks={"all": {"source": "embedded", "size": 1, "seed": 1}}),
        "benchmarks: 'all' is taken; any name is allowed but train, validation, tuning, all, macro"),
    "benchmark with a name that is no name": (
        broken(benchmarks={"My set": {"source": "embedded", "size": 1, "seed": 1}}), "benchmarks.My set"),
    "training set that is a benchmark": (broken(train={"source": "public"}), "train"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_configurations_are_one_clear_line(name: str) -> None:
    config, said = BROKEN[name]
    with pytest.raises(ExperimentError) as caught:
        load_experiment(config, "config/mine.yaml")
    message = str(caught.value)
    assert message.startswith("config/mine.yaml: ") and said in message
    assert message.isprintable() and len(message) < 1200


def test_a_missing_key_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    remote = {"name": "far", "base_url": "http://host/v1", "model": "m", "api_key_env": "FAR_KEY"}
    with pytest.raises(ExperimentError, match=r"FAR_KEY \(api_key_env\) is not set"):
        load_experiment(broken(experts=[remote]), "config/mine.yaml")
    monkeypatch.setenv("FAR_KEY", "secret")
    experiment = load_experiment(broken(experts=[remote]), "config/mine.yaml")
    assert "secret" not in Plan(experiment, "mine", Path("results/mine")).settings("eapo", 1)
