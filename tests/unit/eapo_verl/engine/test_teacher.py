"""A teacher: refused where it cannot score the policy's rollouts, told to verl, and counted."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken

from eapo_verl.engine.teacher import check_teacher, overrides
from eapo_verl.engine.verl_config import compose
from eapo_verl.settings.run import RunError, RunSettings
from eapo_verl.settings.verl_keys import PPO, check_keys
from workflow.embedded.tokenizer import build_tokenizer

SIZES = {"num_hidden_layers": 4, "num_attention_heads": 6, "hidden_size": 192, "max_position_embeddings": 256}


def model(folder: Path, tokenizer: Any, **config: Any) -> Path:
    """A checkpoint without weights."""
    tokenizer.save_pretrained(folder)
    sizes = SIZES | {"model_type": "llama", "vocab_size": len(tokenizer)}
    (folder / "config.json").write_text(json.dumps(sizes | config))
    return folder


def run(folder: Path, task_reward: bool = False, response: int = 32, teacher: bool = True) -> RunSettings:
    """A run on the models ``policy`` and ``wise`` in ``folder``."""
    own = {
        "models": {"wise": folder / "wise"},
        "distillation": {"teacher": "wise", "task_reward": task_reward, "loss_clamp": 5.0},
    }
    return RunSettings(**{
        "experiment": "e", "method": "m", "kind": "on_policy_distillation", "seed": 1, "policy": folder / "policy",
        "train_file": "train.jsonl", "validation_file": "validation.jsonl", "consultation": {"trigger": "never"},
        "budget": {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 2, "validate_every": 1,
                   "validation_samples": 1, "checkpoint_every": 1},
        "optimiser": {"learning_rate": 1e-4, "clip_high": 0.3}, "lengths": {"prompt": 24, "response": response},
        "config_sha256": "0", **(own if teacher else {}),
    })  # fmt: skip


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return model(tmp_path / "policy", build_tokenizer())


def test_a_teacher_that_knows_the_policys_tokens_and_more_is_taken(policy: Path, tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([AddedToken("<think>", special=False)])
    model(tmp_path / "wise", tokenizer, vocab_size=128)
    check_teacher(run(tmp_path))
    check_teacher(run(tmp_path, response=231))


def without_a_model(folder: Path) -> None:
    folder.mkdir()


def without_a_tokenizer(folder: Path) -> None:
    model(folder, build_tokenizer())
    for file in folder.glob("tokenizer*"):
        file.unlink()


def with_an_id_moved(folder: Path) -> None:
    model(folder, build_tokenizer())
    file = folder / "tokenizer.json"
    tokens = json.loads(file.read_text())
    vocabulary = tokens["model"]["vocab"]
    vocabulary["7"], vocabulary["8"] = vocabulary["8"], vocabulary["7"]
    file.write_text(json.dumps(tokens))


def with_a_token_less(folder: Path) -> None:
    model(folder, build_tokenizer())
    file = folder / "tokenizer.json"
    tokens = json.loads(file.read_text())
    del tokens["model"]["vocab"]["7"]
    file.write_text(json.dumps(tokens))


def with_fewer_embeddings(folder: Path) -> None:
    model(folder, build_tokenizer(), vocab_size=len(build_tokenizer()) - 1)


def with_another_template(folder: Path) -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template += "1"
    model(folder, tokenizer)


def without_a_template(folder: Path) -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template = None
    model(folder, tokenizer)


def too_short(folder: Path) -> None:
    model(folder, build_tokenizer(), max_position_embeddings=24 + 32)


def of_unknown_length(folder: Path) -> None:
    model(folder, build_tokenizer(), text_config={"vocab_size": 1000})


@pytest.mark.parametrize(
    ("teacher", "said"),
    [
        (without_a_model, r"there is no model: config\.json is missing"),
        (without_a_tokenizer, "it cannot be read: "),
        (with_an_id_moved, "its tokenizer is not the policy's: token 11, '7', has the id 12 there"),
        (with_a_token_less, "its tokenizer is not the policy's: token 11, '7', is none there"),
        (with_fewer_embeddings, r"its vocab_size \(\d+\) does not hold the policy's \d+ tokens"),
        (with_another_template, "its chat template makes another prompt of a problem than the policy's does"),
        (without_a_template, "its chat template makes another prompt of a problem than the policy's does"),
        (too_short, r"it reads 56 tokens \(max_position_embeddings\), and a rollout needs 57 \(lengths\.prompt \+ "),
        (of_unknown_length, r"its config\.json lacks 'max_position_embeddings'"),
    ],
)
def test_a_teacher_that_cannot_score_the_policys_rollouts_is_named(
    policy: Path, tmp_path: Path, teacher: Any, said: str
) -> None:
    teacher(tmp_path / "wise")
    with pytest.raises(RunError, match=rf"^teacher wise \({tmp_path / 'wise'}\): {said}") as caught:
        check_teacher(run(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_teacher_is_one_of_the_runs_models(tmp_path: Path) -> None:
    fields = run(tmp_path).model_dump() | {"models": {"other": tmp_path}}
    with pytest.raises(ValueError, match=r"distillation\.teacher: 'wise' is none of the run's models"):
        RunSettings(**fields)


def test_a_run_without_a_teacher_has_none(tmp_path: Path) -> None:
    check_teacher(run(tmp_path, teacher=False))
    assert overrides(run(tmp_path, teacher=False), "cpu") == {}


def test_what_a_teacher_s_settings_state_cannot_be_set_beside_them(tmp_path: Path) -> None:
    stated = overrides(run(tmp_path), "gpu")
    assert len(stated) == 8
    for key, value in stated.items():
        with pytest.raises(ValueError, match=r"the experiment states it|the program itself sets it"):
            check_keys({key: value}, PPO)


@pytest.mark.engine  # imports verl
@pytest.mark.parametrize("task_reward", [False, True])
def test_verl_is_told_whole(policy: Path, tmp_path: Path, task_reward: bool) -> None:
    from verl.trainer.distillation import is_distillation_enabled
    from verl.utils.config import omega_conf_to_dataclass

    model(tmp_path / "wise", build_tokenizer())
    assert not is_distillation_enabled(compose(run(tmp_path, teacher=False), tmp_path, "cpu").distillation)
    config = compose(run(tmp_path, task_reward), tmp_path, "cpu")
    # verl checks the pool of accelerators and the lengths here.
    distillation = omega_conf_to_dataclass(config.distillation)
    loss = distillation.distillation_loss
    assert distillation.enabled and loss.use_task_rewards is task_reward and loss.distillation_loss_coef == 1.0
    assert (loss.loss_mode, loss.use_policy_gradient, loss.loss_max_clamp) == ("k1", True, 5.0)
    assert (loss.clip_ratio_low, loss.clip_ratio_high) == (0.2, 0.3)
    (teacher,) = distillation.teacher_models.values()
    assert (teacher.model_path, teacher.num_replicas) == (str(tmp_path / "wise"), 1)
    assert (teacher.inference.dtype, teacher.inference.max_model_len) == ("float32", 57)
    # 256 sequences of 57 tokens, in blocks of 128, and a block: 6144 bytes a token.
    assert teacher.inference.engine_kwargs["vllm"]["kv_cache_memory_bytes"] == 257 * 128 * 6144
    elsewhere = compose(run(tmp_path), tmp_path, "gpu").distillation.teacher_models.teacher_model.inference
    assert elsewhere.engine_kwargs == {} and elsewhere.tensor_model_parallel_size == 1


@pytest.mark.engine  # imports verl
def test_what_a_teacher_has_scored_is_counted_and_validation_is_not_scored() -> None:
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput

    from eapo_verl.engine.rollout_worker import RolloutWorker
    from eapo_verl.method.rollout import COUNTS

    class Teacher:
        async def compute_teacher_logprobs_single(self, sequence_ids: list[int], **kwargs: Any) -> tuple[list, list]:
            return sequence_ids, [-1.0] * len(sequence_ids)

    worker = object.__new__(RolloutWorker)
    worker.distillation_enabled, worker.teacher_key, worker.teacher_server_manager = True, "data_source", Teacher()

    def counts(validate: bool) -> dict[str, int]:
        output = AgentLoopOutput(
            prompt_ids=[1, 2, 3], response_ids=[4, 5], response_mask=[1, 1], metrics=AgentLoopMetrics(),
            extra_fields={"consultation": dict.fromkeys(COUNTS, 0)},
        )  # fmt: skip
        scored = worker._compute_teacher_logprobs(
            output, prompt_ids=[1, 2, 3], response_ids=[4, 5], validate=validate, sample_kwargs={}
        )
        asyncio.run(scored)
        return {name: count for name, count in output.extra_fields["consultation"].items() if count}

    assert counts(validate=False) == {"expert_requests": 1, "expert_tokens_scored": 5}
    assert counts(validate=True) == {}
