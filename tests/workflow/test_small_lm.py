"""The experiment on a small real model, and the one that its problems were chosen by: what they share is the same."""

from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from workflow.experiment import Experiment, load_experiment
from workflow.problem_sets import WordProblems
from workflow.sources.gguf import read_metadata
from workflow.sources.smollm2 import find_gguf


def shipped(name: str) -> Experiment:
    path = Path(f"config/{name}.yaml")
    return load_experiment(yaml.safe_load(path.read_text()), str(path))


def families(problems: Any) -> dict[str, Any]:
    assert isinstance(problems, WordProblems) and problems.families is not None
    return problems.families


def test_problems_were_chosen_by_the_prompt_the_models_and_the_temperature_of_training() -> None:
    chosen, measured = shipped("small_lm"), shipped("small_lm_tasks")
    assert measured.system_prompt == chosen.system_prompt
    assert measured.models == chosen.models and measured.policy == chosen.policy
    temperatures = {one.evaluation.temperature for one in (chosen, measured)}
    assert temperatures == {chosen.training.optimiser.temperature}
    assert measured.evaluation.max_tokens == chosen.evaluation.max_tokens == chosen.training.lengths.response


def test_every_set_is_of_families_that_were_measured_and_no_seed_is_used_twice() -> None:
    chosen, measured = shipped("small_lm"), shipped("small_lm_tasks")
    candidates = [families(one) for one in measured.benchmarks.values()]
    for one in (chosen.train, chosen.validation, *chosen.benchmarks.values()):
        assert all({name: options} in candidates for name, options in families(one).items())
    sets = [*chosen.problem_sets().values(), *measured.problem_sets().values()]
    seeds = [one.seed for one in sets if isinstance(one, WordProblems)]
    assert len(seeds) == len(sets) == len(set(seeds))


@pytest.mark.parametrize("consulting", [False, True])
def test_the_examples_of_the_prompt_are_turns_of_the_policys_chat(consulting: bool) -> None:
    experiment = shipped("small_lm")
    prompt = experiment.system_prompt
    assert prompt is not None
    whole = experiment.consultation.instructed(prompt) if consulting else prompt
    assert whole is not None
    end, start = "<|im_end|>\n", "<|im_start|>"
    system, *turns = whole.split(f"{end}{start}")
    messages = [{"role": "system", "content": system}]
    for turn in turns:
        role, content = turn.split("\n", 1)
        messages.append({"role": role, "content": content})
    assert [one["role"] for one in messages[1:]] == ["user", "assistant"] * (4 if consulting else 2)
    template = jinja2.Template(read_metadata(find_gguf()[0]).chat_template)
    question = {"role": "user", "content": "What is 1 + 1?"}
    as_turns = template.render(messages=[*messages, question], add_generation_prompt=True)
    as_text = template.render(messages=[{"role": "system", "content": whole}, question], add_generation_prompt=True)
    assert as_text == as_turns


def test_no_token_of_the_policys_joins_a_query_and_its_reply() -> None:
    consultation = shipped("small_lm").consultation
    tags, metadata = consultation.tags, read_metadata(find_gguf()[0])
    # GPT-2's way: a space is this letter.
    close, reply = (text.replace(" ", "\u0120") for text in (tags.consult_close, tags.reply_open))
    vocabulary = metadata.tokenizer["ggml.tokens"]
    assert not [token for token in vocabulary if close + reply[0] in token]
    assert "?<" in vocabulary  # what the space keeps apart
    instruction = str(consultation.instruction)
    assert instruction.count(tags.consult_close + tags.reply_open) == instruction.count(tags.consult_open) == 2
