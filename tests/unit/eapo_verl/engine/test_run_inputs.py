"""A run's settings on their way to verl: prompts as parquet, and the configuration."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eapo_verl.engine.prompts import write_all
from eapo_verl.engine.verl_config import compose, overrides
from eapo_verl.settings import placement
from eapo_verl.settings.run import RunError, RunSettings, read_run
from eapo_verl.settings.verl_keys import PPO, check_keys
from workflow.embedded.tokenizer import build_tokenizer
from workflow.sampling.questions import read_benchmark

#: As many as a step takes, and one that is too long.
TRAIN = ["1+1;2+2;3+3", "1+1" * 20, "1+1;2+2;3+4", "1+1;2+2;3+5", "1+1;2+2;3+6"]


def run(folder: Path, **changes: Any) -> RunSettings:
    """Settings of a consulting run on two sets of problems, one of the problems long."""
    build_tokenizer().save_pretrained(folder / "policy")
    sizes = {"num_hidden_layers": 4, "num_attention_heads": 6, "hidden_size": 192, "model_type": "llama"}
    (folder / "policy/config.json").write_text(json.dumps(sizes))
    for name, problems in (("train", TRAIN), ("validation", ["4+4;5+5;6+6"])):
        rows = [{"id": text, "problem": text, "answer": "07", "task": "integers_bare"} for text in problems]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields: dict[str, Any] = {
        "experiment": "e", "method": "m", "kind": "rl", "seed": 1, "policy": folder / "policy",
        "train_file": folder / "train.jsonl", "validation_file": folder / "validation.jsonl",
        "experts": [{"name": "a", "base_url": "http://127.0.0.1/v1", "model": "m"}],
        "consultation": {"instruction": "1|2"}, "reward": {"answer": "f1_paper"},
        "budget": {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 2, "mini_batches": 2,
                   "validate_every": 1, "validation_samples": 1, "checkpoint_every": 1},
        "optimiser": {"learning_rate": 1e-4}, "lengths": {"prompt": 24, "response": 32}, "config_sha256": "0",
    }  # fmt: skip
    return RunSettings(**(fields | changes))


def test_prompts_that_do_not_fit_are_left_out_and_counted(tmp_path: Path) -> None:
    assert write_all(run(tmp_path), tmp_path) == {"train": 1, "validation": 0}
    train, *more = pd.read_parquet(tmp_path / "train.parquet").to_dict("records")
    (validation,) = pd.read_parquet(tmp_path / "validation.parquet").to_dict("records")
    assert len(more) == 3
    assert [message["role"] for message in train["prompt"]] == ["system", "user"]
    assert [message["role"] for message in validation["prompt"]] == ["user"]
    assert (train["agent_name"], validation["agent_name"]) == ("consulting", "independent")
    extra = {"index": 0, "id": "1+1;2+2;3+3", "problem": "1+1;2+2;3+3", "task": "integers_bare"}
    assert train["extra_info"] == extra
    assert train["reward_model"]["ground_truth"] == "7"


def test_a_run_that_never_consults_has_no_instruction(tmp_path: Path) -> None:
    write_all(run(tmp_path, consultation={"instruction": "1|2", "trigger": "never"}, experts=[]), tmp_path)
    train, *_ = pd.read_parquet(tmp_path / "train.parquet").to_dict("records")
    assert [message["role"] for message in train["prompt"]] == ["user"] and train["agent_name"] == "independent"


def test_no_prompt_that_fits_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"train\.jsonl: every prompt is longer than lengths\.prompt \(4 tokens\)"):
        write_all(run(tmp_path, lengths={"prompt": 4, "response": 32}), tmp_path)


def test_fewer_prompts_that_fit_than_a_step_takes_are_one_line(tmp_path: Path) -> None:
    settings = run(tmp_path)
    settings.train_file.write_text("".join(settings.train_file.read_text().splitlines(keepends=True)[:4]))
    said = r"train\.jsonl: 3 of 4 prompts are no longer than lengths\.prompt \(24 tokens\); a step takes 4 \(budget\.pr"
    with pytest.raises(RunError, match=said):
        write_all(settings, tmp_path)


def test_the_policy_is_asked_as_its_task_asks(tmp_path: Path) -> None:
    settings = run(tmp_path, lengths={"prompt": 200, "response": 32})
    lines = settings.train_file.read_text().splitlines()
    lines[0] = lines[0].replace(', "task": "integers_bare"', "")
    settings.train_file.write_text("\n".join(lines) + "\n")
    write_all(settings, tmp_path)
    first, second, *more = pd.read_parquet(tmp_path / "train.parquet").to_dict("records")
    assert first["extra_info"]["task"] == "integers" and "final answer within" in first["prompt"][-1]["content"]
    assert second["prompt"][-1]["content"] == second["extra_info"]["problem"]
    # It is scored on the very same text.
    questions = read_benchmark(f"any={settings.train_file}").questions
    asked = [one["prompt"][-1]["content"] for one in (first, second, *more)]
    assert [question.prompt for question in questions] == asked


@pytest.mark.parametrize(
    ("field", "complaint"),
    [({"task": "poetry"}, "task 'poetry' is not known; allowed are "), ({"answer": "x=7"}, "answer 'x=7' is not an ")],
)
def test_a_problem_that_no_task_can_use_is_named(tmp_path: Path, field: dict[str, str], complaint: str) -> None:
    settings = run(tmp_path)
    problem = json.loads(settings.train_file.read_text().splitlines()[0])
    with settings.train_file.open("a") as file:
        file.write(json.dumps(problem | field) + "\n")
    with pytest.raises(RunError, match=r"train\.jsonl:6: " + complaint):
        write_all(settings, tmp_path)


def test_dynamic_sampling_is_a_matter_of_settings(tmp_path: Path) -> None:
    metric = "trainer.v1.sampler.sampler_kwargs.filter_groups_metric"
    assert not any(metric in one for one in overrides(run(tmp_path), tmp_path, "cpu"))
    dynamic = run(tmp_path, optimiser={"learning_rate": 1e-4, "dynamic_sampling": True})
    made = overrides(dynamic, tmp_path, "cpu")
    assert f'++{metric}="acc"' in made and "++data.gen_batch_size=1" in made
    assert "++trainer.v1.sampler.sampler_kwargs.most_discarded=40" in made


@pytest.mark.engine  # imports verl
def test_the_asynchronous_trainer_corrects_and_drops_nothing_unless_told_otherwise(
    tmp_path: Path,
) -> None:
    sync = compose(run(tmp_path), tmp_path, "cpu")
    assert sync.algorithm.rollout_correction.rollout_is is None
    assert sync.trainer.v1.sampler.custom_sampler.name == "OrderedReplayBuffer"
    verl = {"algorithm.rollout_correction.rollout_is": "sequence"}
    made = compose(run(tmp_path, trainer="colocate_async", verl=verl), tmp_path, "cpu")
    sampler = made.trainer.v1.sampler
    assert made.algorithm.rollout_correction.rollout_is == "sequence"
    assert (sampler.custom_sampler.name, sampler.max_off_policy_strategy) == ("OverlappingReplayBuffer", "wait")


def test_the_chat_template_is_told_the_same_everywhere(tmp_path: Path) -> None:
    told = run(tmp_path, chat_template_kwargs={"more": "5+5", "thinks": False})
    with pytest.raises(RunError, match=r"chat_template_kwargs: 'more' is nothing that the chat template of .* reads"):
        write_all(told, tmp_path)
    tokenizer = build_tokenizer()
    tokenizer.chat_template += "{% if not thinks %}{{ more }}{% endif %}"
    tokenizer.save_pretrained(told.policy)
    # Three tokens more leave out what did fit.
    short = told.model_copy(update={"lengths": told.lengths.model_copy(update={"prompt": 16})})
    with pytest.raises(RunError, match="every prompt is longer"):
        write_all(short, tmp_path)
    assert write_all(told, tmp_path) == {"train": 1, "validation": 0}
    assert '++data.apply_chat_template_kwargs={more:"5+5",thinks:false}' in overrides(told, tmp_path, "cpu")
    assert not any("apply_chat_template" in one for one in overrides(run(tmp_path), tmp_path, "cpu"))


def test_what_settings_state_cannot_be_set_beside_them(tmp_path: Path) -> None:
    optimiser = {"learning_rate": 1e-4, "dynamic_sampling": True, "loss_aggregation": "seq-mean-token-sum-norm"}
    made = overrides(run(tmp_path, optimiser=optimiser), tmp_path, "gpu")
    assert len(made) > 30
    for one in made:
        key = one.removeprefix("++").partition("=")[0]
        # Defaults, which an experiment may replace.
        if key in ("trainer.logger", placement.RL.tokens, "ray_kwargs.ray_init.num_cpus"):
            continue
        with pytest.raises(ValueError, match=r"the experiment states it|the program itself sets it"):
            check_keys({key: 1}, PPO)


@pytest.mark.engine  # imports verl
def test_verls_configuration_holds_the_run_whole_whatever_its_texts_hold(tmp_path: Path) -> None:
    hostile = "say ${oc.env:HOME}, {a: 1}, 'x' \"y\" \\boxed{}"
    settings = run(
        tmp_path,
        system_prompt=hostile,
        optimiser={"learning_rate": 1e-4, "overlong": {"buffer": 0.25, "penalty": 0.5}, "kl_coefficient": 0.01},
        verl={"actor_rollout_ref.actor.ppo_epochs": 2},
    )
    folder = tmp_path / "mit Ümlaut, 'x' \"y\" \\z\\"
    config = compose(settings, folder, "cpu")
    assert read_run(config.eapo.run) == settings and config.trainer.default_local_dir == str(folder)
    assert config.actor_rollout_ref.actor.use_kl_loss and config.actor_rollout_ref.actor.ppo_epochs == 2
    assert config.actor_rollout_ref.rollout.max_model_len == 24 + 32
    for model in (config.actor_rollout_ref.actor, config.actor_rollout_ref.ref):
        assert model.fsdp_config.mixed_precision.param_dtype == "fp32"
    rollout = config.actor_rollout_ref.rollout
    assert rollout.dtype == "float32"
    # 256 sequences of 56 tokens, in blocks of 128, and a block: 6144 bytes a token.
    assert rollout.engine_kwargs.vllm.kv_cache_memory_bytes == 257 * 128 * 6144 and rollout.max_num_seqs == 256


@pytest.mark.engine  # imports verl
@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_both_sides_of_a_runs_weight_socket_are_ours(tmp_path: Path, platform: str) -> None:
    from vllm.utils.import_utils import resolve_obj_by_qualname

    from eapo_verl.engine.weight_socket import RunWorkerExtension

    config = compose(run(tmp_path), tmp_path, platform).actor_rollout_ref
    assert config.model.external_lib == "eapo_verl.engine.worker_process"
    assert issubclass(
        resolve_obj_by_qualname(config.rollout.engine_kwargs.vllm.worker_extension_cls), RunWorkerExtension
    )


@pytest.mark.engine  # imports verl
def test_off_policy_rows_have_verl_make_their_loss(tmp_path: Path) -> None:
    from verl.trainer.ppo.core_algos import get_policy_loss_fn
    from verl.utils.config import omega_conf_to_dataclass

    settings = run(
        tmp_path,
        experts=[],
        consultation={"trigger": "never"},
        solutions={"a": tmp_path / "a.jsonl"},
        off_policy={"gamma": 0.25, "clipped": False},
        optimiser={"learning_rate": 1e-4, "normalise_by_std": False, "loss_aggregation": "seq-mean-token-sum-norm"},
    )
    config = compose(settings, tmp_path, "cpu")
    # As verl does where the policy is trained.
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    assert (actor.policy_loss.gamma, actor.policy_loss.clipped) == (0.25, False)
    assert get_policy_loss_fn(actor.policy_loss.loss_mode).__name__ == "off_policy_loss"
    assert (actor.loss_agg_mode, actor.loss_scale_factor) == ("seq-mean-token-sum-norm", 32)
    assert config.algorithm.norm_adv_by_std_in_grpo is False


def test_bfloat16_reaches_verl_only_where_it_is_asked_for_and_the_processor_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = run(tmp_path, precision="bfloat16")
    for effective, short in (("bfloat16", "bf16"), ("float32", "fp32")):
        monkeypatch.setattr("eapo_verl.engine.verl_config.cpu_precision", lambda requested, made=effective: made)
        made = overrides(asked, tmp_path, "cpu")
        assert f'++actor_rollout_ref.rollout.dtype="{effective}"' in made
        assert any(f'actor.fsdp_config.mixed_precision={{param_dtype:"{short}"' in one for one in made)
    assert not any("dtype" in one for one in overrides(asked, tmp_path, "gpu"))


@pytest.mark.parametrize(("address", "said"), [({}, True), ({"ray_kwargs.ray_init.address": "10.0.0.1:6379"}, False)])
def test_a_cluster_that_others_have_started_counts_its_own_processors(
    tmp_path: Path, address: dict[str, str], said: bool
) -> None:
    made = overrides(run(tmp_path, verl=address), tmp_path, "gpu")
    assert any(one.startswith("++ray_kwargs.ray_init.num_cpus=") for one in made) is said
