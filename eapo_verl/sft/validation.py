"""The accuracy of a run's checkpoints on the validation problems, sampled as reinforcement learning samples them.

Same prompts, temperature, lengths, ban of the opening tag and grade; and the seeds of the rollouts, so that a run of
either kind measures the policy that both start from by the same draws.
"""

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer
from vllm import LLM, SamplingParams, TokensPrompt

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.cpu.precision import cpu_precision
from eapo_verl.cpu.vllm_options import vllm_options
from eapo_verl.engine.network import loopback_environment
from eapo_verl.engine.prompts import problem_rows
from eapo_verl.engine.vocabulary import ban, prompt_ids
from eapo_verl.method.draws import sampling_seed
from eapo_verl.settings.run import RunError
from eapo_verl.sft.settings import SFTSettings
from tasks import Grade, task


class _Question(NamedTuple):
    place: int
    tokens: list[int]
    task: str
    answer: str


def validate(settings: SFTSettings, models: Iterable[tuple[int, Path]]) -> Iterator[tuple[int, list[Grade]]]:
    """The grades of each model, a pair (training step, folder) each, which may be gone once its own are returned.

    Raises:
        RunError: no validation prompt is short enough.
    """
    questions = _questions(settings)
    engine = _engine(settings)
    for step, folder in models:
        engine.apply_model(functools.partial(load_weights, folder))
        yield step, _grades(engine, settings, questions, step)


def _questions(settings: SFTSettings) -> list[_Question]:
    tokenizer = AutoTokenizer.from_pretrained(settings.policy)
    rows = problem_rows(settings.validation_file, settings.system_prompt)
    chats = [row["prompt"] for row in rows]
    prompts = prompt_ids(tokenizer, chats, settings.chat_template_kwargs)
    questions = [
        _Question(row["extra_info"]["index"], prompt, row["extra_info"]["task"], row["reward_model"]["ground_truth"])
        for row, prompt in zip(rows, prompts, strict=True)
        if len(prompt) <= settings.lengths.prompt
    ]
    if not questions:
        raise RunError(
            f"{settings.validation_file}: every prompt is longer than lengths.prompt ({settings.lengths.prompt} tokens)"
        )
    return questions


def _engine(settings: SFTSettings) -> LLM:
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ |= loopback_environment()
    length = settings.lengths.prompt + settings.lengths.response
    options: dict[str, Any] = {}
    if on_cpu():
        from eapo_verl.cpu.platform import keep_linear_weights_loadable

        keep_linear_weights_loadable()
        torch.set_num_threads(settings.threads.trainer)
        options = vllm_options(settings.policy, length) | {"dtype": cpu_precision(settings.precision)}
    return LLM(model=str(settings.policy), max_model_len=length, seed=settings.seed, **options)


def load_weights(folder: Path, model: Any) -> None:
    """Put the weights of a checkpoint in the place of those that vLLM's ``model`` has."""
    for path in sorted(folder.glob("model*.safetensors")):
        model.load_weights(load_file(path).items())


def _grades(engine: LLM, settings: SFTSettings, questions: list[_Question], step: int) -> list[Grade]:
    samples = [(one, number) for one in questions for number in range(settings.budget.validation_samples)]
    banned = ban(engine.get_tokenizer(), settings.consultation.tags.consult_open)
    parameters = [
        SamplingParams(
            temperature=settings.optimiser.temperature,
            max_tokens=settings.lengths.response,
            # As the agent loop names a rollout: run, step, problem, number, turn.
            seed=sampling_seed(settings.seed, step, one.place, number, 0),
            **banned,
        )
        for one, number in samples
    ]
    prompts = [TokensPrompt(prompt_token_ids=one.tokens) for one, _ in samples]
    outputs = engine.generate(prompts, parameters, use_tqdm=False)
    responses: dict[str, list[tuple[str, str]]] = {}
    for (one, _), output in zip(samples, outputs, strict=True):
        responses.setdefault(one.task, []).append((output.outputs[0].text, one.answer))
    return [grade for name, own in responses.items() for grade in task(name).grade_all(own)]
