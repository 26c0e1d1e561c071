"""Experiments that an engine would stumble over later, or that would say something else than they seem to."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.default_experiment import DEFAULT, broken
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError

ITSELF: list[Any] = []
ITSELF.append(ITSELF)

#: What is not allowed by itself.
WRONG: dict[str, tuple[Any, str]] = {
    "benchmark without a task": (
        broken(benchmarks={"mine": {"source": "embedded", "size": 1, "seed": 1, "task": None}}),
        "benchmarks.mine.embedded.task: Extra inputs are not permitted"),
    "benchmark of no task": (
        broken(benchmarks={"mine": {"source": "local", "path": "pyproject.toml", "task": ""}}),
        "benchmarks.mine.local.task: task '' is not known; allowed are integers, "),
    "benchmark that its models cannot read": (
        broken(benchmarks={"mine": {"source": "word_problems", "size": 1, "seed": 1}}),
        "benchmarks.mine.task: 'integers' is asked in words, of which models.policy, of the embedded world, knows n"),
    "benchmark of a file without problems": (
        broken(benchmarks={"mine": {"source": "local", "path": "pyproject.toml"}}),
        "benchmarks.mine.path: pyproject.toml: format '.toml'; allowed: .jsonl"),
    "benchmark of a path that no system has": (
        broken(benchmarks={"mine": {"source": "local", "path": "x" * 5000}}), "File name too long"),
    "benchmark of another public file": (
        broken(benchmarks={"aime_2024": {"source": "public", "path": "config/default.yaml"}}), "format '.yaml'"),
    "variant of a method's name": (
        broken(variants={"base": {"of": "eapo"}}), "variants: 'base' is the name of a method that ships"),
    "component twice": (
        broken(ablations=[["a", "eapo", "base"], ["a", "eapo_paper", "base"]]), "ablations: 'a' stands there twice"),
    "method twice": (broken(methods=["eapo", "eapo"]), "methods: 'eapo' stands there twice"),
    "expert twice": (broken(experts=[DEFAULT["experts"][0]] * 2), "experts: 'expert_a' stands there twice"),
    "names that make a long one": (
        broken(experts=[DEFAULT["experts"][0] | {"name": f"{letter * 60}"} for letter in "abcd"]),
        "experts: all names together have more than 200 characters"),
    "name of 65 characters": (broken(benchmarks={"x" * 65: DEFAULT["train"]}), "String should have at most 64 chara"),
    "seed of more than 31 bits": (broken(seeds=[2**32 + 1]), "seeds.0: Input should be less than 2147483648"),
    "truth for a seed": (broken(seeds=[True]), "seeds.0: needed is a number, got true"),
    "address that no resolver takes": (
        broken(experts=[{"name": "far", "base_url": "http://a..b/v1", "model": "m"}]),
        "experts.0.base_url: 'http://a..b/v1' is no address: "),
    "port that there is not": (
        broken(experts=[{"name": "far", "base_url": "http://h:99999/v1", "model": "m"}]), "Port out of range 0-65535"),
    "address without a host": (
        broken(experts=[{"name": "far", "base_url": "http://:80/v1", "model": "m"}]), "is no address: it names no "),
    "header twice": (
        broken(experts__0__headers_env={"X-Key": "A", "x-key": "B"}), "headers_env: a header stands there twice, or "),
    "two keys": (
        broken(experts__0__headers_env={"Authorization": "A"}, experts__0__api_key_env="B"),
        "is Authorization beside api_key_env"),
    "replies kept below a file": (
        broken(consultation__pool__cache_dir="README.md/x"),
        "consultation.pool.cache_dir: README.md/x cannot be made: "),
    "title that fills a figure": (
        broken(variants={"mine": {"of": "eapo", "title": "x" * 81}}), "String should have at most 80 characters"),
    "title of another arm": (
        broken(variants={"mine": {"of": "eapo", "title": "EAPO"}}, methods=["eapo", "mine"], references=[],
               comparisons=[["mine", "eapo"]]),
        "variants: eapo and mine have the same title, 'EAPO', and no figure would tell them apart"),
    "tag without a width": (
        broken(consultation__tags__consult_open="\u200b"), "consultation.tags.consult_open: it is blank"),
    "infinite weight": (broken(experts__0__weight=float("inf")), "experts.0.weight: Input should be a finite number"),
    "blank tag": (broken(consultation__tags__separator=" "), "consultation.tags.separator: it is blank (got ' ')"),
    "equal tags": (
        broken(consultation__tags__reply_close="</consult>"),
        "tags have to be told apart, but '</consult>' is part of '</consult>'"),
    "tag in the prefix of answers": (
        broken(consultation__tags__separator=":"), "tags have to be told apart, but ':' is part of 'Answer:'"),
    "tag of answers": (broken(consultation__tags__separator="{"), "'{' is part of '\\\\boxed{'"),
    "blank prompt": (broken(system_prompt="  "), "system_prompt: it is blank"),
    "blank instruction": (broken(consultation__instruction="\n"), "consultation.instruction: it is blank"),
    "unknown key of verl": (
        broken(training__verl={"actor_rollout_ref.actor.ppo_epoch": 2}),
        "training.verl: actor_rollout_ref.actor.ppo_epoch: verl has no such key; actor_rollout_ref.actor has ppo_ep"),
    "unknown key of verl's SFT": (broken(supervised__verl={"optim.beta": 2}), "supervised.verl: optim.beta: verl ha"),
    "verl's trainer": (
        broken(training__verl={"trainer.v1.trainer_mode": "separate_async"}),
        "training.verl: trainer.v1.trainer_mode: the experiment states it, as trainer"),
    "unknown option of pre-training": (
        broken(models__policy__options={"stepz": 3}),
        "models.policy.embedded.options: 'stepz' is no option of pre-training; allowed are steps, width"),
    "impossible option of pre-training": (
        broken(models__policy__options={"width": 100}), "width: 100 is not a multiple of 32, the size of a head"),
    "model that is no checkpoint": (
        broken(models__policy={"source": "local", "path": "docs"}), "models.policy.path: docs is no checkpoint: con"),
    "folder that is a file": (broken(benchmark_dir="README.md"), "benchmark_dir: README.md is no folder"),
    "number that no program holds": (broken(training__budget__steps=2**53 + 1), "training.budget.steps: a number "),
    "value of 300 kB": (broken(system_prompt="x" * 300_000), "system_prompt: with 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    "key of 300 kB": (broken(**{"x" * 300_000: 1}), "of 300000 characters, all texts have more than 32768"),
    "pair for a key": (broken(consultation={("a", "b"): 1}), "consultation.('a', 'b'): Keys should be strings"),
    "bytes": (broken(policy=b"policy"), "policy: b'policy' is a bytes; in quotes it would be text"),
    "value that holds itself": (broken(methods=ITSELF), "an alias may hold itself"),
    "temperature that vLLM replaces": (broken(evaluation__temperature=0.001), "evaluation.temperature: Input should"),
    "no room for a prompt": (
        broken(evaluation__max_tokens=256),
        "evaluation: max_tokens: 256 leave no room for a problem in max_model_len (256)"),
    "no room for a query": (
        broken(experts__0__max_tokens=64),
        "experts.0: max_tokens: 64 leave no room for a query in max_model_len (64)"),
}  # fmt: skip
#: What is allowed by itself, and not with the rest.
UNFIT: dict[str, tuple[Any, str]] = {
    "evaluation beyond the model": (
        broken(evaluation__max_model_len=257),
        "method base: evaluation.max_model_len: 257 tokens are more than models.policy reads, which are 256"),
    "rollouts beyond the model": (
        broken(training__lengths__response=225),
        "method self_exploratory: training.lengths.prompt and response together: 257 tokens are more than models.po"),
    "queries beyond the expert": (
        broken(experts__1__max_model_len=300), "experts.expert_b.max_model_len: 300 tokens are more than models.exp"),
    "rollouts beyond the teacher": (
        broken(training__lengths__response=224, methods=["distillation_on_policy"],
               comparisons=[["distillation_on_policy", "base"]]),
        "method distillation_on_policy: training.lengths.prompt, response and one more together: 257 tokens are more"),
    "answers beyond the expert": (
        broken(methods=["mine"], comparisons=[["mine", "base"]],
               variants={"mine": {"of": "expert_workflow", "expert_max_tokens": 64}}),
        "method mine: expert_max_tokens: 64 leave no room for a question in experts.expert_a.max_model_len (64)"),
    "buffer of no token": (
        broken(training__optimiser__overlong={"buffer": 0.001}),
        "training: optimiser.overlong.buffer: 0.001 of a response of 160 tokens (lengths.response) are less than one"),
    "buffer in tokens": (
        broken(training__optimiser__overlong={"buffer": 4096}), "training.optimiser.overlong.buffer: Input should b"),
    "training set of less than a batch": (
        broken(train__size=15),
        "method self_exploratory: training.budget.prompts_per_step: 16 are more than the 15 problems of train"),
    "fewer solutions than a batch": (
        broken(methods=["distillation_full"], comparisons=[["distillation_full", "base"]], solutions__problems=7),
        "method distillation_full: a batch takes 32 solutions (training.budget), and of 384 problems there are 28 a"),
    **{
        f"chat template of {model['source']} that is told what it does not read": (
            broken(models__policy=model, chat_template_kwargs={"enable_thinking": False}),
            "method base: chat_template_kwargs: 'enable_thinking' is nothing that the chat template of models.policy r")
        for model in (DEFAULT["models"]["policy"], {"source": "phrasebook", "role": "policy"}, {"source": "smollm2"})
    },
    "stop string that ends every answer": (
        broken(evaluation__stop=["\n\n", "}"]),
        r"evaluation.stop: '}' would end a response within the box of its answer, \boxed{…}, of which benchmarks.chai"),
    "stop string that begins every answer": (
        broken(evaluation__stop=["\\boxed"]), r"evaluation.stop: '\\boxed' would end a response within the box"),
    "set that cannot be made": (broken(train__size=10**7), "train.embedded.size: Input should be less than or equal"),
    "rewriting by no expression": (
        broken(variants={"mine": {"of": "expert_workflow", "procedure": {"prompts": {"rewrite": [["a", "\\g<b>"]]}}}}),
        "is no regular expression: unknown group name 'b'"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*WRONG, *UNFIT])
def test_it_is_refused_in_one_clear_line(name: str) -> None:
    config, said = (WRONG | UNFIT)[name]
    with pytest.raises(ExperimentError) as caught:
        load_experiment(config, "config/mine.yaml")
    message = str(caught.value)
    assert message.startswith("config/mine.yaml: ") and said in message
    assert message.isprintable() and len(message) < 1200


def test_what_just_fits_is_allowed() -> None:
    load_experiment(
        broken(
            train__size=16,
            training__lengths__response=224,
            training__optimiser__overlong={"buffer": 0.005},
            evaluation__max_tokens=255,
            experts__0__max_tokens=63,
            experts__0__max_model_len=256,
            seeds=[2**31 - 1],
            benchmarks={"x" * 64: DEFAULT["train"]},
        ),
        "config/mine.yaml",
    )


def test_a_model_s_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ExperimentError, match=r"models\.policy\.path: .* is no regular file"):
        load_experiment(broken(models__policy={"source": "local", "path": str(tmp_path)}), "config/mine.yaml")
