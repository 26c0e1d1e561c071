"""How experts are served: what may be said of it, which accelerators servers get, what is looked at before a job."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.default_experiment import REMOTE, plan
from workflow import serving_preflight
from workflow.expert_service import servers
from workflow.expert_service.placement import needed, place, shortage
from workflow.expert_service.servers import ExpertModel, vllm_command
from workflow.expert_service.serving import Serving
from workflow.expert_service.slurm_job import Share
from workflow.methods import ExperimentError
from workflow.serving_preflight import most_of_a_node, preflight_serving


def test_what_is_not_said_is_not_told_to_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "on_cpu", lambda: False)
    assert Serving().words() == []
    said = Serving(
        replicas=3, tensor_parallel=4, data_parallel=2, gpu_memory_utilization=0.8, quantization="fp8",
        vllm={"max_num_seqs": 7, "enable-prefix-caching": False, "enforce_eager": True, "kv_cache_dtype": "fp8",
              "cudagraph_capture_sizes": [1, 2], "hf_overrides": {"a": {"b": 1}}, "compilation_config.mode": 3},
    )  # fmt: skip
    assert said.words() == [
        "--tensor-parallel-size=4", "--data-parallel-size=2", "--gpu-memory-utilization=0.8", "--quantization=fp8",
        "--max-num-seqs=7", "--no-enable-prefix-caching", "--enforce-eager", "--kv-cache-dtype=fp8",
        "--cudagraph-capture-sizes", "1", "2", '--hf-overrides={"a": {"b": 1}}', "--compilation-config.mode=3",
    ]  # fmt: skip
    command = vllm_command(Path("vllm"), ExpertModel("wise", Path("model"), said), "node", 8000)
    assert command[:3] == ["vllm", "serve", "model"] and command[-13:] == said.words()


@pytest.mark.parametrize(
    ("argument", "value", "complaint"),
    [
        ("port", 80, "'port' is the workflow's own"),
        ("api-key", "x", "'api-key' is the workflow's own"),
        ("data_parallel_rank", 1, "'data_parallel_rank' is the workflow's own"),
        ("max_model_len", 9, "'max_model_len' has a key of its own, max_model_len"),
        ("tensor-parallel-size", 9, "'tensor-parallel-size' has a key of its own, tensor_parallel"),
        ("--host", "x", "pattern"),
        ("seed", None, "'seed': a value is needed"),
    ],
)
def test_what_is_the_workflows_own_is_refused(argument: str, value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Serving(vllm={argument: value})
    with pytest.raises(ValueError, match="make 8192 accelerators; at most 4096 are allowed"):
        Serving(replicas=2, tensor_parallel=64, data_parallel=64)
    with pytest.raises(ValueError, match="twice"):
        Serving(vllm={"max-num-seqs": 1, "max_num_seqs": 2})


def test_servers_have_accelerators_to_themselves_unless_their_shares_fit() -> None:
    whole, half = Serving(tensor_parallel=2, replicas=2), Serving(gpu_memory_utilization=0.45)
    assert place([whole, half, half]) == [[(0, 1), (2, 3)], [(4,)], [(4,)]]
    assert place([half, Serving(gpu_memory_utilization=0.6, tensor_parallel=2)]) == [[(0,)], [(1, 2)]]
    assert needed([]) == 0 and needed([whole, half, half]) == 5 and needed([Serving(data_parallel=3)]) == 3
    assert shortage({"wise": whole}, 4, "here") is None
    assert str(shortage({"wise": whole, "odd": half}, 6, "here", beside=2)).startswith(
        "experts need 5 accelerators (wise 2 × 2, odd 1) beside 2 that train or sample, and here has 6"
    )


def test_a_job_of_experts_is_given_what_their_sizes_take_unless_all_of_it_is_stated() -> None:
    assert Share(threads=4, memory_mb=10, gpus=None).of(6) == Share(threads=24, memory_mb=60, gpus=6)
    assert Share(threads=4, memory_mb=10, gpus=8).of(6) == Share(threads=4, memory_mb=10, gpus=8)
    assert Share(threads=4, memory_mb=10, gpus=0).of(6) == Share(threads=4, memory_mb=10, gpus=0)


def test_an_experiment_s_words_reach_the_service_and_those_who_sample() -> None:
    said = {"experts__0__replicas": 2, "experts__0__quantization": "fp8", "experts__0__vllm": {"max_num_seqs": 7}}
    lease = plan(**said).lease("eapo", 1, "training")
    (serving,) = [after for word, after in itertools.pairwise(lease) if word == "--serving"]
    name, _, words = serving.partition("=")
    assert name == "expert_a"
    assert json.loads(words) == {"replicas": 2, "quantization": "fp8", "vllm": {"max_num_seqs": 7}}
    assert "--serving" not in plan().lease("eapo", 1, "training")
    for key in ("replicas", "tensor_parallel", "vllm"):
        with pytest.raises(ExperimentError, match=f"{key}: it is said of a model that the workflow serves"):
            plan(experts=[REMOTE | {key: {"seed": 1} if key == "vllm" else 2}])
    with pytest.raises(ExperimentError, match="either serve or base_url"):
        plan(experts__0__replica_urls=["http://other/v1"])


GPUS = {"resources__training_gpus": 2, "experts__0__tensor_parallel": 2}


@pytest.mark.parametrize(
    ("there", "local", "changes", "complaint"),
    [
        (0, True, {}, None),
        (5, True, {}, None),
        (5, False, {"resources__training_gpus": 5}, None),
        (
            5,
            False,
            {"resources__training_gpus": 8},
            "a run of .* takes 8 accelerators, and no node .* the largest has 5",
        ),
        (
            5,
            False,
            {"resources__sampling_gpus": 6},
            r"resources\.sampling_gpus: sampling takes 6 accelerators, and no node",
        ),
        (None, False, {"experts__0__replicas": 9}, None),
        (1, True, {}, "resources.training_gpus: a run of .* takes 2 accelerators, and this machine has 1"),
        (4, True, {}, r"experts need 3 accelerators \(expert_a 2, expert_b 1\) beside 2 .* this machine has 4"),
        (2, False, {}, "experts need 3 .* no node of this Slurm's has more: the largest has 2"),
        (9, False, {"resources__experts_gpus": 2}, "resources.experts_gpus: 2 .* expert_a, expert_b need 3"),
    ],
)
def test_too_few_accelerators_are_one_line_before_the_first_job(
    there: int | None, local: bool, changes: dict[str, Any], complaint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_preflight, "installed" if local else "most_of_a_node", lambda: there)
    asked = plan(**({} if there == 0 else GPUS | changes))
    if complaint is None:
        preflight_serving(asked.experiment, asked, local)
    else:
        with pytest.raises(ExperimentError, match=complaint):
            preflight_serving(asked.experiment, asked, local)


def test_slurm_is_asked_for_the_largest_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert most_of_a_node() is None
    sinfo = tmp_path / "sinfo"
    sinfo.write_text("#!/bin/sh\necho '(null)'\necho 'gpu:a100:4(S:0-1),gpu:h100:4,nic:9'\necho gpu:2\n")
    sinfo.chmod(0o755)
    assert most_of_a_node() == 8


def test_runs_that_nobody_may_log_are_one_line_before_the_first_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", "/dev/null")
    watched = plan(training__trackers=["wandb"])
    with pytest.raises(ExperimentError, match=r"^training\.trackers: wandb: neither WANDB_API_KEY nor"):
        preflight_serving(watched.experiment, watched, local=True)


def test_a_checkpoint_without_room_is_one_line_before_the_first_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_preflight, "checkpoint_bytes", lambda policy, arm: 10**18)
    with pytest.raises(ExperimentError, match=r"a checkpoint takes 1000000000.0 GB, and the file system has room for"):
        preflight_serving(plan().experiment, plan(), local=True)
