"""Every run of the experiments for accelerators as verl has it there, composed and put through verl's own checks.

No accelerator is needed, and none of the models: of each there is a configuration of the published shape.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from eapo_verl.engine import accelerators, verl_config
from eapo_verl.engine.verl_checks import validate
from eapo_verl.settings import placement
from eapo_verl.settings.run import AnyRun, RunError, RunSettings
from eapo_verl.sft import verl_config as sft_config
from eapo_verl.sft.settings import SFTSettings
from tests.default_experiment import broken
from workflow.capacity.shapes import Shape, shape_of
from workflow.embedded.tokenizer import build_tokenizer
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan

ROLLOUT = "actor_rollout_ref.rollout"
#: A loss that reads the expert's most likely tokens, of which its server has to tell as many.
FORWARD_KL = {"loss_mode": "forward_kl_topk", "use_policy_gradient": False, "topk": 4}


def plan(name: str) -> Plan:
    return Plan(load_experiment(yaml.safe_load(Path(f"config/{name}.yaml").read_text()), name), name, Path("results"))


def model(folder: Path, shape: Shape) -> Path:
    """A checkpoint of a shape, without weights."""
    build_tokenizer().save_pretrained(folder)
    config = {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate, "num_hidden_layers": shape.layers, "vocab_size": shape.vocabulary,
        "num_attention_heads": shape.heads, "num_key_value_heads": shape.kv_heads,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def runs(name: str, folder: Path) -> dict[str, AnyRun]:
    """A run of each trained arm, by the arm, on models that lie in ``folder``."""
    made, experiment = plan(name), plan(name).experiment
    models = {key: model(folder / key, shape_of(key, one, folder)) for key, one in experiment.models.items()}
    found: dict[str, AnyRun] = {}
    for arm in made.trained_arms:
        fields = yaml.safe_load(made.settings(arm, 1)) | {"policy": models["policy"]}
        fields["experts"] = [one | {"base_url": "http://127.0.0.1/v1", "model": "m"} for one in fields["experts"]]
        fields |= {"models": {key: models[key] for key in fields["models"]}} if "models" in fields else {}
        found[arm] = SFTSettings(**fields) if made.program(arm) == "eapo_verl.sft" else RunSettings(**fields)
    return found


@pytest.mark.engine  # imports verl
@pytest.mark.parametrize("name", ["middle", pytest.param("paper", marks=pytest.mark.arm)])
def test_nothing_stops_at_verls_own_checks(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from verl.utils.config import omega_conf_to_dataclass

    monkeypatch.setattr(accelerators, "_FLASH", ("json",))
    seen: set[tuple[str, ...]] = set()
    experiment = plan(name)
    for arm, run in runs(name, tmp_path).items():
        here = experiment.training_gpus(arm)
        if isinstance(run, RunSettings):
            accelerators.check_rl(run, here)
            said = verl_config.overrides(run, tmp_path, "gpu")
        else:
            assert isinstance(run, SFTSettings)
            accelerators.check_sft(run, here)
            said = sft_config.overrides(run, tmp_path, "gpu")
        # Arms that differ in what verl is not told of are one configuration: composing takes a while.
        key = tuple(one for one in said if not one.startswith("++trainer.experiment_name="))
        if key in seen:
            continue
        seen.add(key)
        row = run.lengths.prompt + run.lengths.response
        if isinstance(run, RunSettings):
            config = verl_config.compose(run, tmp_path, "gpu")
            validate(config)
            roles = config.actor_rollout_ref
            assert roles.actor.use_dynamic_bsz and roles.rollout.log_prob_use_dynamic_bsz
            assert roles.rollout.enable_prefix_caching and roles.rollout.enable_chunked_prefill
            shared = roles.actor.fsdp_config.ulysses_sequence_parallel_size
            limits = [roles.actor.ppo_max_token_len_per_gpu, roles.rollout.log_prob_max_token_len_per_gpu]
            told = roles.model
        else:
            config = sft_config.compose(run, tmp_path, "gpu")
            for part in (config.engine, config.optim, config.checkpoint, config.profiler):
                omega_conf_to_dataclass(part)
            shared, limits = config.engine.ulysses_sequence_parallel_size, [config.data.max_token_len_per_gpu]
            told = config.model
        assert min(limits) * shared >= row and told.use_remove_padding
        assert omega_conf_to_dataclass(told).hf_config._attn_implementation == placement.ATTENTION
    # Plain RL, DAPO, off-policy rows, on-policy distillation with and without the task's reward, all weights, adapters.
    assert len(seen) >= 7


@pytest.mark.engine  # imports verl
def test_what_verl_refuses_is_one_line(tmp_path: Path) -> None:
    run = runs("middle", tmp_path)["self_exploratory"]
    assert isinstance(run, RunSettings)
    wrong = run.model_copy(update={"verl": run.verl | {"actor_rollout_ref.actor.use_dynamic_bsz": False}})
    with pytest.raises(RunError, match=r"^training\.verl: verl refuses it: .*ppo_micro_batch_size_per_gpu") as caught:
        validate(verl_config.compose(wrong, tmp_path, "gpu"))
    assert "\n" not in str(caught.value)
    # A reference policy's dataclass is made as its worker makes it.
    optimiser = run.optimiser.model_copy(update={"kl_coefficient": 1e-3})
    reference = verl_config.compose(run.model_copy(update={"optimiser": optimiser}), tmp_path, "gpu")
    validate(reference)
    reference.actor_rollout_ref.ref.fsdp_config.strategy = "none"
    with pytest.raises(RunError, match=r"^training\.verl: verl refuses it: .*none"):
        validate(reference)


@pytest.mark.engine  # imports verl
@pytest.mark.parametrize(
    ("arm", "key", "value", "named"),
    [
        ("self_exploratory", "actor_rollout_ref.model.use_fused_kernels", True, "use_fused_kernels"),
        ("self_exploratory", "actor_rollout_ref.actor.calculate_sum_pi_squared", True, "calculate_sum_pi_squared"),
        ("distillation_on_policy", "distillation.distillation_loss", FORWARD_KL, "a top-k distillation"),
    ],
)
def test_what_shared_prompts_cannot_do_is_refused_before_a_run(
    arm: str, key: str, value: Any, named: str, tmp_path: Path
) -> None:
    run = runs("middle", tmp_path)[arm]
    assert isinstance(run, RunSettings)
    config = verl_config.compose(run, tmp_path, "cpu")
    OmegaConf.update(config, key, value)
    validate(config)
    config.actor_rollout_ref.model.use_remove_padding = True
    with pytest.raises(RunError, match=rf"use_remove_padding on a CPU goes without .*{named}") as caught:
        validate(config)
    assert "\n" not in str(caught.value)
    OmegaConf.update(config, "trainer.device", "cuda")
    validate(config)


def test_a_run_says_what_its_accelerators_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs("middle", tmp_path)["distillation_on_policy"]
    assert isinstance(run, RunSettings)
    said = r"^training\.verl: the run needs 5 accelerators \(trainer\.n_gpus_per_node, and distill.*, and there are 4"
    with pytest.raises(RunError, match=said):
        accelerators.check_rl(run, 4)
    monkeypatch.setattr(accelerators, "_FLASH", ("no_such_package",))
    with pytest.raises(RunError, match=r"flash_attention_2 needs the package flash-attn, which is not installed"):
        accelerators.check_rl(run, 5)
    plain = run.model_copy(update={"verl": run.verl | {placement.RL.attention: "sdpa"}})
    accelerators.check_rl(plain, 5)
    wide = plain.model_copy(update={"verl": plain.verl | {f"{ROLLOUT}.tensor_model_parallel_size": 8}})
    with pytest.raises(RunError, match=r"^training\.verl: actor_.*\.tensor_model_parallel_size: 8 do not"):
        accelerators.check_rl(wide, 5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"training__verl": {"trainer.n_gpus_per_node": 2}},
            "2 accelerators train .*resources.training_gpus are 1",
        ),
        (
            {"training__verl": {f"{ROLLOUT}.tensor_model_parallel_size": 2}},
            "2 do not divide the 1 accelerators",
        ),
        (
            {"training__verl": {f"{ROLLOUT}.gpu_memory_utilization": 1.5}},
            "gpu_memory_utilization: allowed is a share of the memory, above 0 and at most 1, not 1.5",
        ),
    ],
)
def test_a_placement_is_refused_before_anything_starts(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError, match=rf"^c: method \w+: training\.verl: .*{said}"):
        load_experiment(broken(resources__training_gpus=1, **changes), "c")
    load_experiment(broken(**changes), "c")
