"""What a run cost."""

import json
from pathlib import Path

import pytest

from eapo_verl.record.costs import Costs, count_parameters, forward_flops

WORK = Costs(
    policy_tokens_sampled=10,
    policy_prompt_tokens=20,
    policy_tokens_scored=30,
    policy_tokens_trained=4,
    policy_prompt_tokens_trained=6,
    policy_parameters=7,
    expert_flops=forward_flops(1000, 5),
)


def test_flops_are_2_a_parameter_of_a_forward_pass_and_6_of_training() -> None:
    assert WORK.flops == 7 * (2 * (10 + 20 + 30) + 6 * (4 + 6)) + 2 * 1000 * 5


@pytest.mark.parametrize("unknown", [{"policy_parameters": None}, {"expert_flops": None}])
def test_flops_of_a_model_of_unknown_size_are_unknown(unknown: dict[str, None]) -> None:
    assert WORK._replace(**unknown).flops is None


def test_the_block_can_be_read_as_costs_again() -> None:
    costs = WORK._replace(expert_parameters={"a": 3, "far": None})
    block = json.loads(json.dumps(costs.block()))
    assert block.pop("flops") == costs.flops and Costs(**block) == costs


def write(path: Path, **shapes: list[int]) -> None:
    tensors = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)


def test_parameters_are_counted_over_all_shards_and_by_headers_alone(tmp_path: Path) -> None:
    assert count_parameters(tmp_path) is None
    write(tmp_path / "model-00001-of-00002.safetensors", a=[2, 3], b=[5])
    write(tmp_path / "model-00002-of-00002.safetensors", c=[])
    write(tmp_path / "adapter_model.safetensors", d=[100])
    assert count_parameters(tmp_path) == 2 * 3 + 5 + 1


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x02" + b"\0" * 7 + b"[]", b"\x07" + b"\0" * 7 + b'{"a":1}'])
def test_a_file_that_is_no_checkpoint_counts_as_unknown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert count_parameters(tmp_path) is None
