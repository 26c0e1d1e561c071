"""What a run is told apart by: all that its result depends on, and nothing else."""

from typing import Any

import pytest

from tests.default_experiment import DEFAULT, REMOTE, plan


@pytest.fixture(autouse=True)
def more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded world's models can be told something, which their own chat template is not."""
    monkeypatch.setattr("workflow.models.CHAT_TEMPLATE", "{{ enable_thinking }}")


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation__temperature": 0.5},
        {"resources__training_memory_mb": 9000, "resources__training_nodes": 2},
        {"training__threads": {"trainer": 1}},
        {"training__budget__checkpoint_every": 2},
        {"consultation__pool__deadline_s": 5, "consultation__pool__failure_limit": 0.1},
        {"experts__0__timeout_s": 5.0, "experts__0__retries": 0, "experts__1__max_concurrency": 1},
        {"models": {**DEFAULT["models"], "other": {"source": "smollm2"}}},
        {"methods": ["eapo", "self_exploratory", "eapo_paper"], "benchmark_dir": "."},
        {"evaluation__stop": ["</answer>"], "evaluation__gpu_memory_utilization": 0.5},
        {"chat_template_kwargs": {}},
        {"experts__0__replicas": 3, "experts__0__tensor_parallel": 2, "experts__0__gpu_memory_utilization": 0.5},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_changes_no_result_is_no_part_of_a_run_s_identity(changes: dict[str, Any]) -> None:
    assert plan(**changes).identity("eapo", 1) == plan().identity("eapo", 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"train__seed": 5},
        {"models__expert_b__seed": 5},
        {"experts__0__max_tokens": 5},
        {"experts__0__max_model_len": 65},
        {"experts__0__quantization": "fp8"},
        {"experts__0__vllm": {"kv_cache_dtype": "fp8"}},
        {"experts__0__price_per_million_input": 1.0},
        {"consultation__pool__mode": "sequential"},
        {"training__budget__steps": 25},
        {"training__precision": "bfloat16"},
        {"training__verl": {"trainer.balance_batch": False}},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_changes_a_result_is_part_of_a_run_s_identity(changes: dict[str, Any]) -> None:
    assert plan(**changes).identity("eapo", 1) != plan().identity("eapo", 1)


def test_runs_are_told_apart_and_experts_matter_to_those_who_ask() -> None:
    moved = [plan(experts=[one]) for one in (REMOTE, REMOTE | {"base_url": "http://elsewhere/v1"})]
    assert moved[0].identity("eapo", 1) == moved[1].identity("eapo", 1) != plan().identity("eapo", 1)
    assert moved[0].identity("self_exploratory", 1) == plan().identity("self_exploratory", 1)
    assert len({plan().identity(method, seed) for method, seed in plan().trained}) == len(plan().trained)
