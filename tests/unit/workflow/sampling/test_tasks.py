"""Our lm-eval tasks: what is asked, how often, with which parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from workflow.sampling.lm_eval_files import main
from workflow.sampling.questions import Benchmark, Question
from workflow.sampling.request import Request, SamplingError
from workflow.sampling.tasks import check_lengths, load_tasks

PROMPT = "Find {{x}} {% if y %} \\frac{1}{2}.\n\nSay {{it}}."


def _request(**changes: Any) -> Request:
    values: dict[str, Any] = {
        "model": Path("model"),
        "samples": 5,
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 64,
        "max_model_len": 128,
        "seed": 1,
    }
    return Request(**(values | changes))


def _benchmark(name: str = "my_set", *prompts: str) -> Benchmark:
    questions = (Question(f"q{n}", prompt, "025") for n, prompt in enumerate(prompts or (PROMPT, "1+1"), 1))
    return Benchmark(name, Path("x.jsonl"), tuple(questions))


def _task(request: Request, benchmark: Benchmark, scratch: Path) -> Any:
    return load_tasks(request, [benchmark], scratch)["tasks"][benchmark.name]


def _prompts(task: Any) -> list[str]:
    return [task.doc_to_text(doc) for doc in task.eval_docs]


def test_any_name_is_a_task_that_asks_for_the_prompts_as_they_are_written(tmp_path: Path) -> None:
    names = ["gsm8k", "aime_2024", "x"]
    tasks = load_tasks(_request(), [_benchmark(name) for name in names], tmp_path)["tasks"]
    assert {name: _prompts(task) for name, task in tasks.items()} == {name: [PROMPT, "1+1"] for name in names}


def test_the_chat_is_the_one_of_training(tmp_path: Path) -> None:
    task = _task(_request(), _benchmark(), tmp_path)
    chats: list[list[dict[str, str]]] = []

    def template(chat: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        chats.append(chat)
        return "rendered"

    for system in (None, "Be brief.\n\nAnd right. "):
        task.build_all_requests(
            system_instruction=system, apply_chat_template=True, fewshot_as_multiturn=True, chat_template=template
        )
    user = {"role": "user", "content": PROMPT}
    assert chats[0] == [user]
    assert chats[2] == [{"role": "system", "content": "Be brief.\n\nAnd right. "}, user]


def test_sampling_parameters_come_from_the_request(tmp_path: Path) -> None:
    task = _task(_request(banned=("<consult>",)), _benchmark(), tmp_path)
    assert task.config.repeats == 5
    assert task.config.generation_kwargs == {
        "until": [],
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.95,
        "max_gen_toks": 64,
        "bad_words": ["<consult>"],
    }
    assert _task(_request(stop=("\n", "x")), _benchmark(), tmp_path).config.generation_kwargs["until"] == ["\n", "x"]


def test_the_filter_hands_on_all_k_responses_and_their_distinct_share_is_counted(tmp_path: Path) -> None:
    task = _task(_request(samples=3), _benchmark(), tmp_path)
    (pipeline,) = task._filters
    (take,) = [make() for make in pipeline.filters]
    (responses,) = take.apply([["a", "b", "a"]], [{}])
    assert list(responses) == ["a", "b", "a"]
    assert task.process_results({"id": "q"}, [responses]) == {"distinct": 2 / 3}


def test_a_file_of_the_same_name_with_other_problems_is_not_taken_from_a_cache(tmp_path: Path) -> None:
    for number, text in enumerate(("first", "second")):
        assert _prompts(_task(_request(), _benchmark("my_set", text), tmp_path / str(number))) == [text]


def test_the_files_for_a_run_of_lm_evals_own_are_the_same_task(tmp_path: Path) -> None:
    problems = tmp_path / "mine.jsonl"
    problems.write_text('{"id": "q", "problem": "1+1", "answer": "2", "task": "integers_bare"}')
    out = tmp_path / "tasks"
    main(["--benchmark", f"mine={problems}", "--samples", "4", "--max-tokens", "9", "--out-dir", str(out)])
    task = TaskManager(include_path=out, include_defaults=False).load(["mine"])["tasks"]["mine"]
    assert _prompts(task) == ["1+1"] and [task.doc_to_target(doc) for doc in task.eval_docs] == ["2"]
    assert (task.config.repeats, task.config.generation_kwargs["max_gen_toks"]) == (4, 9)


def test_the_first_prompt_that_leaves_no_room_is_named(tmp_path: Path) -> None:
    characters = Tokenizer(models.WordLevel({"?": 0, "1": 1, "+": 2}, unk_token="?"))
    characters.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=characters, unk_token="?")
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(tmp_path / "model")
    model = tmp_path / "model"
    check_lengths(_request(model=model, max_model_len=64 + len(PROMPT)), [_benchmark()])
    with pytest.raises(SamplingError, match=f"'q1' of my_set: its prompt has {len(PROMPT)} tokens"):
        check_lengths(_request(model=model, max_model_len=63 + len(PROMPT)), [_benchmark()])
    with pytest.raises(SamplingError, match=f"'q1' of my_set: its prompt has {len(PROMPT) + 2} tokens"):
        check_lengths(_request(model=model, max_model_len=65 + len(PROMPT), system_prompt="++"), [_benchmark()])
    tokenizer.chat_template += "{{ before_it_speaks }}"
    tokenizer.save_pretrained(tmp_path / "model")
    told = _request(model=model, max_model_len=65 + len(PROMPT), chat_template_kwargs={"before_it_speaks": "++"})
    with pytest.raises(SamplingError, match=f"'q1' of my_set: its prompt has {len(PROMPT) + 2} tokens"):
        check_lengths(told, [_benchmark()])
