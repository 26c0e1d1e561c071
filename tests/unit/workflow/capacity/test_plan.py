"""What models take, and the command that prints a plan."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from workflow.__main__ import main
from workflow.capacity import memory
from workflow.capacity.shapes import Shape, from_config, shape_of
from workflow.command import BadInput
from workflow.models import EmbeddedModel, HubModel, PackagedModel

COMMIT = "0" * 40


def hub(repo: str) -> Shape:
    return shape_of("m", HubModel(source="hub", repo=repo, revision=COMMIT), Path("absent"))


SEVEN = hub("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")


@pytest.mark.parametrize(
    ("shape", "billions", "kv_bytes"),
    [
        (SEVEN, 7.616, 57_344),
        (hub("Qwen/QwQ-32B"), 32.764, 262_144),
        (hub("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"), 1.777, 28_672),
        (shape_of("m", PackagedModel(source="smollm2"), Path("absent")), 0.135, 23_040),
    ],
)
def test_sizes_are_the_published_ones(shape: Shape, billions: float, kv_bytes: int) -> None:
    assert (round(shape.parameters / 1e9, 3), shape.kv_bytes()) == (billions, kv_bytes)


def test_an_embedded_model_has_as_many_parameters_as_runs_counted() -> None:
    run = json.loads(next((ROOT / "docs/results/full/shards").glob("*/runs/eapo/seed1/run.json")).read_text())["costs"]
    found = {
        role: shape_of("m", EmbeddedModel(source="embedded", role=role, seed=1), Path("absent")).parameters
        for role in ("policy", "expert")
    }
    assert found == {"policy": run["policy_parameters"], "expert": run["expert_parameters"]["expert_a"]}


def test_a_configuration_says_the_shape_and_a_mixture_is_refused(tmp_path: Path) -> None:
    config = {
        "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064, "tie_word_embeddings": False,
    }  # fmt: skip
    assert from_config(config) == SEVEN
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_experts": 8}))
    with pytest.raises(BadInput, match=r"^models\.m: .* mixture of experts"):
        shape_of("m", PackagedModel(source="smollm2"), tmp_path)


def test_memory_is_what_the_sizes_say() -> None:
    eight = memory.training(SEVEN, gpus=8, tokens=24_600, ulysses=1)
    # 16 bytes of 7.6 billion parameters over 8; 7 of 24,600 x 152,064 logits, a quarter of them over 4.
    assert (round(eight.state, 1), round(eight.logits, 1)) == (15.2, 26.2)
    assert memory.training(SEVEN, 8, 24_600, 4).logits == pytest.approx(eight.logits / 4)
    smallest = memory.smallest_training(SEVEN, 80, 24_600, ulysses=1, least=1)
    assert smallest is not None and smallest.total <= 72 < memory.training(SEVEN, smallest.gpus // 2, 24_600, 1).total
    assert memory.smallest_training(SEVEN, 8, 24_600, 1, 1) is None
    # QwQ in bfloat16 leaves one accelerator of 80 GB next to nothing for its cache, two of them room for more.
    qwq = hub("Qwen/QwQ-32B")
    assert (
        memory.engine(qwq, 80, 0.9, 32_768, 1).sequences == 0 < memory.engine(qwq, 80, 0.9, 32_768, 1, "fp8").sequences
    )
    placed = memory.smallest_engine(qwq, 80, 0.9, 32_768, 8, most=8)
    assert placed is not None and placed.parallel == 2 and placed.sequences >= 8
    assert memory.smallest_engine(qwq, 80, 0.9, 32_768, 8, most=1) is None


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "config").glob("*.yaml")))
def test_every_configuration_has_a_plan(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", f"config/{name}.yaml", "--price=2.5", "--assume", "response=30"])
    printed = capsys.readouterr().out
    experiment = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
    assert "response: 30" in printed and "Bill, at 2.5 an hour" in printed
    assert ("eapo" in printed) == ("eapo" in experiment["methods"])
    experts = experiment.get("experts", ())
    assert all(f"answers as {expert['name']}" in printed for expert in experts if "serve" in expert)
    assert "does not fit" not in printed


def test_what_the_machines_do_not_hold_is_listed_and_then_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*options: str, **changes: Any) -> str:
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(paper | changes))
        with pytest.raises(BadInput) as caught:
            main(["plan", str(tmp_path / "mine.yaml"), *options])
        assert "hours of wall time" not in capsys.readouterr().out
        return str(caught.value)

    paper = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    small = said("--gpu-memory=40")
    assert "mine.yaml does not fit: policy, which trains, needs 16 accelerators of 40 GB, and resources.tr" in small
    assert (
        "qwq, which teaches, 2 times, does not fit on 2 accelerators of 40 GB" in small
        and "answers as expert_c" in small
    )
    four = said("--node=4")
    assert "a run of distillation_on_policy takes 8 accelerators (4 that train, 4 of its teacher)" in four
    assert "experts need 6 accelerators (expert_a 2, expert_b 2, expert_c 2), and a node (--node) has 4" in four
    narrow = [expert | {"tensor_parallel": 3} for expert in paper["experts"]]
    assert said(experts=narrow).startswith("experts.expert_a.tensor_parallel: 3 do not go into 40 heads of queries")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "'' is no command; allowed: plan"),
        (["plan", "config/absent.yaml"], "config/absent.yaml: "),
        (["plan", "config/smoke.yaml", "--gpus=1"], "--gpus 1: the roles need 2 at least"),
        (["plan", "config/smoke.yaml", "--training=5:2"], "training: 5 to 2 is no range"),
        (["plan", "config/smoke.yaml", "--generation=5"], "generation"),
        (["plan", "config/smoke.yaml", "--assume=length=2"], "length: Extra inputs are not permitted"),
        (["plan", "config/smoke.yaml", "--assume=query"], "--assume 'query': it must be KEY=NUMBER"),
        (["plan", "config/smoke.yaml", "--price=0"], "price"),
        (
            ["plan", "config/smoke.yaml", "--assume=response=97"],
            "allowed are at most 96 tokens (training.lengths.response)",
        ),
        (["plan", "config/smoke.yaml", "--questions=aime=3"], "--questions aime=3: allowed are 1, 2, … of chains_a"),
        (["plan", "config/smoke.yaml", "--questions=chains_a=-3"], "--questions chains_a=-3: allowed are"),
    ],
)
def test_what_cannot_be_planned_is_one_line(arguments: list[str], complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        main(arguments)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
