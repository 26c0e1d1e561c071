"""Our lm-eval tasks: what is asked, how often, with which parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from analysis import benchmarks
from workflow.sampling.request import Benchmark, Problem, Request, ScoringError
from workflow.sampling.tasks import check_lengths, load_tasks

PROBLEM = "Find {{x}} {% if y %} \\frac{1}{2}."
BOXED = "Please reason step by step, and put your final answer within \\boxed{}."


def _request(*names: str, **changes: Any) -> Request:
    problems = (Problem("q1", PROBLEM, "025"), Problem("q2", "1+1", "2"))
    values: dict[str, Any] = {
        "model": Path("model"),
        "benchmarks": tuple(Benchmark(name, Path("x.jsonl"), "", problems) for name in names),
        "out_dir": Path("out"),
        "samples": 5,
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 64,
        "max_model_len": 128,
        "seed": 1,
    }
    return Request(**(values | changes))


def _prompts(request: Request, scratch: Path) -> dict[str, list[str]]:
    tasks = load_tasks(request, scratch)["tasks"]
    return {name: [task.doc_to_text(doc) for doc in task.eval_docs] for name, task in tasks.items()}


def test_every_benchmark_asks_for_the_problem_as_it_is_written(tmp_path: Path) -> None:
    prompts = _prompts(_request(*benchmarks.names()), tmp_path)
    assert prompts["aime_2024"][0] == prompts["aime_2025"][0] == f"{PROBLEM}\n\n{BOXED}"
    modulo = "Give the answer modulo 1000, as an integer between 0 and 999."
    assert prompts["aimo_2025"][0] == f"{PROBLEM}\n\n{modulo}\n\n{BOXED}"
    assert prompts["chains_a"] == prompts["chains_b"] == prompts["chains_c"] == [PROBLEM, "1+1"]


def test_an_instruction_replaces_the_closing_one_and_nothing_more(tmp_path: Path) -> None:
    request = _request("aime_2024", "aimo_2025", "chains_a", instruction="Say {{it}}.")
    prompts = _prompts(request, tmp_path)
    assert prompts["aime_2024"][0] == f"{PROBLEM}\n\nSay {{{{it}}}}."
    assert "modulo 1000" in prompts["aimo_2025"][0]
    assert prompts["aimo_2025"][0].endswith("\n\nSay {{it}}.")
    assert prompts["chains_a"][1] == "1+1\n\nSay {{it}}."


def test_sampling_parameters_come_from_the_request(tmp_path: Path) -> None:
    request = _request("aime_2024", banned=("<consult>",))
    task = load_tasks(request, tmp_path)["tasks"]["aime_2024"]
    assert task.config.repeats == 5
    assert task.config.generation_kwargs == {
        "until": [],
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.95,
        "max_gen_toks": 64,
        "bad_words": ["<consult>"],
    }
    assert task.VERSION == 1.0


def test_the_filter_hands_on_all_k_responses(tmp_path: Path) -> None:
    task = load_tasks(_request("chains_a", samples=3), tmp_path)["tasks"]["chains_a"]
    (pipeline,) = task._filters
    (take,) = [make() for make in pipeline.filters]
    assert list(take.apply([["a", "b", "c"]], [{}])) == [["a", "b", "c"]]


def test_a_file_of_the_same_name_with_other_problems_is_not_taken_from_a_cache(tmp_path: Path) -> None:
    for number, text in enumerate(("first", "second")):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        benchmark = Benchmark("chains_a", Path("x.jsonl"), "", (Problem("q", text, "1"),))
        assert _prompts(_request(benchmarks=(benchmark,)), scratch) == {"chains_a": [text]}


def test_the_first_prompt_that_leaves_no_room_is_named(tmp_path: Path) -> None:
    characters = Tokenizer(models.WordLevel({"?": 0, "1": 1, "+": 2}, unk_token="?"))
    characters.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=characters, unk_token="?")
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(tmp_path / "model")
    request = _request("chains_a", model=tmp_path / "model", max_model_len=64 + len(PROBLEM))
    tasks = load_tasks(request, tmp_path)
    check_lengths(request, tasks)
    shorter = _request("chains_a", model=tmp_path / "model", max_model_len=63 + len(PROBLEM))
    with pytest.raises(ScoringError, match=f"'q1' of chains_a: its prompt has {len(PROBLEM)} tokens"):
        check_lengths(shorter, tasks)
