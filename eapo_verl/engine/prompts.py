"""Problem sets as verl's parquet: a row a prompt."""

import json
from pathlib import Path
from typing import Any

import pandas
from transformers import AutoTokenizer

from eapo_verl.engine.verl_config import agent_loop
from eapo_verl.engine.vocabulary import check_chat_template, check_tags, prompt_ids
from eapo_verl.settings.run import RunError, RunSettings
from tasks import CannotGrade, name_of, task


def write_all(settings: RunSettings, folder: Path) -> dict[str, int]:
    """Write ``train.parquet`` and ``validation.parquet``; a validation prompt is never one for consulting.

    Returns:
        how many prompts of each set are longer than ``lengths.prompt`` tokens; they are left out, since verl would cut
        their beginning.

    Raises:
        RunError: all of a set's are, or so many of the training set that the rest is less than a step takes; a line
            names no task that there is, lacks a field, or has an answer that its task does not allow; the tokenizer
            loses a tag, or its chat template does not read what it is told.
    """
    consultation, training_prompt = settings.consultation, settings.system_prompt
    if consultation.possible:
        training_prompt = consultation.instructed(training_prompt)
    tokenizer = AutoTokenizer.from_pretrained(settings.policy)
    check_tags(consultation, tokenizer, settings.policy)
    check_chat_template(settings, tokenizer)
    dropped = {}
    for name, source, system, agent in (
        ("train", settings.train_file, training_prompt, agent_loop(settings)),
        ("validation", settings.validation_file, settings.system_prompt, "independent"),
    ):
        rows = problem_rows(source, system, agent)
        chats = [row["prompt"] for row in rows]
        lengths = [len(ids) for ids in prompt_ids(tokenizer, chats, settings.chat_template_kwargs)]
        fitting = [row for row, length in zip(rows, lengths, strict=True) if length <= settings.lengths.prompt]
        if not fitting:
            raise RunError(
                f"{source}: every prompt is longer than lengths.prompt ({settings.lengths.prompt} tokens); "
                f"the shortest has {min(lengths, default=0)}"
            )
        if name == "train" and len(fitting) < settings.budget.prompts_per_step:
            raise RunError(
                f"{source}: {len(fitting)} of {len(rows)} prompts are no longer than lengths.prompt "
                f"({settings.lengths.prompt} tokens); a step takes {settings.budget.prompts_per_step} "
                "(budget.prompts_per_step)"
            )
        dropped[name] = len(rows) - len(fitting)
        pandas.DataFrame(fitting).to_parquet(folder / f"{name}.parquet")
    return dropped


def problem_rows(source: Path, system_prompt: str | None, agent: str = "independent") -> list[dict[str, Any]]:
    """The problems of a file as rows of verl's: the chat before the policy's first word, the answer, and which it is.

    Raises:
        RunError: a line names no task that there is, lacks a field, or has an answer that its task does not allow; a
            task cannot grade here.
    """
    with source.open(encoding="utf-8") as file:
        problems = [json.loads(line) for line in file]
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    rows = [_row(source, index, problem, system, agent) for index, problem in enumerate(problems)]
    try:
        for name in dict.fromkeys(row["extra_info"]["task"] for row in rows):
            task(name).require()
    except CannotGrade as error:
        raise RunError(f"{source}: {error}") from error
    return rows


def _row(source: Path, index: int, problem: dict[str, Any], system: list[dict[str, str]], agent: str) -> dict[str, Any]:
    try:
        name = name_of(problem)
        answer = task(name).normalise(problem["answer"])
        prompt = task(name).prompt(problem)
    except ValueError as error:
        raise RunError(f"{source}:{index + 1}: {error}") from error
    except KeyError as error:
        raise RunError(f"{source}:{index + 1}: {error.args[0]!r} is missing") from error
    return {
        "prompt": [*system, {"role": "user", "content": prompt}],
        "data_source": source.stem,
        "agent_name": agent,
        "reward_model": {"style": "rule", "ground_truth": answer},
        "extra_info": {"index": index, "id": problem["id"], "problem": problem["problem"], "task": name},
    }
