"""Which keys of verl's configuration an experiment may set; held against verl's own files."""

from typing import Any

import pytest

from eapo_verl.settings import verl_keys
from eapo_verl.settings.verl_keys import PPO, SFT, Configuration, check_keys

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
ALLOWED: list[tuple[Configuration, str, Any]] = [
    (PPO, f"{ACTOR}.ppo_epochs", 2),
    (PPO, "trainer.balance_batch", False),
    (PPO, "trainer.n_gpus_per_node", 8),
    (PPO, "trainer.logger", ["console", "wandb"]),
    (PPO, f"{ACTOR}.optim.betas", [0.8, 0.9]),
    (PPO, f"{ACTOR}.entropy_coeff", 0.001),
    (PPO, f"{ACTOR}.ppo_micro_batch_size_per_gpu", 4),
    (PPO, f"{ROLLOUT}.gpu_memory_utilization", 1),
    (PPO, f"{ROLLOUT}.max_num_seqs", 64),
    (PPO, f"{ROLLOUT}.engine_kwargs.vllm.swap_space", 4),
    (PPO, f"{ROLLOUT}.engine_kwargs.vllm", {"swap_space": 4}),
    (PPO, "actor_rollout_ref.model.override_config.attn_implementation", "sdpa"),
    (PPO, "ray_kwargs.ray_init.object_store_memory", 2**28),
    (PPO, "trainer.v1.sampler.sampler_kwargs.poll_interval", 0.5),
    # Of a dataclass, and not in its file.
    (PPO, f"{ROLLOUT}.repetition_penalty", 1.1),
    (PPO, f"{ACTOR}.fsdp_config.mixed_precision", {"param_dtype": "bf16"}),
    (SFT, "optim.betas", [0.8, 0.9]),
    (SFT, "trainer.n_gpus_per_node", 2),
    (SFT, "engine.param_offload", True),
    (SFT, "model.override_config.attn_implementation", "sdpa"),
]


@pytest.mark.parametrize(
    ("configuration", "key", "value"), ALLOWED, ids=lambda one: one if isinstance(one, str) else ""
)
def test_what_verl_has_is_allowed(configuration: Configuration, key: str, value: Any) -> None:
    check_keys({key: value}, configuration)


REFUSED: list[tuple[Configuration, str, Any, str]] = [
    (PPO, f"{ACTOR}.ppo_epoch", 2, f"{ACTOR}.ppo_epoch: verl has no such key; {ACTOR} has ppo_epochs, "),
    (PPO, "no.such", 1, "no.such: verl has no such key; its configuration has "),
    (PPO, "", 1, ": verl has no such key"),
    (PPO, "trainer.nnodes.of", 1, "trainer.nnodes.of: verl has no such key; trainer.nnodes has none"),
    (PPO, f"{ACTOR}._target_", "os.system", "_target_: verl has no such key"),
    (PPO, "hydra.run.dir", "x", "hydra.run.dir: verl has no such key"),
    (PPO, "eapo.run", "{}", "eapo.run: the program itself sets it"),
    (PPO, "trainer.v1.trainer_mode", "async", "trainer.v1.trainer_mode: the experiment states it, as trainer"),
    (PPO, "data.train_batch_size", 4, "data.train_batch_size: the experiment states it, as budget.prompts_per_step"),
    (PPO, "data.seed", 4, "data.seed: the experiment states it, as seeds"),
    (PPO, "actor_rollout_ref", {"actor": {"ppo_epochs": 2}}, "a mapping, whose keys are set one by one"),
    (PPO, f"{ACTOR}.ppo_epochs", "two", f"{ACTOR}.ppo_epochs: two cannot stand for verl's own value, 1"),
    (PPO, f"{ACTOR}.ppo_epochs", None, f"{ACTOR}.ppo_epochs: None cannot stand for"),
    (PPO, f"{ACTOR}.ppo_epochs", True, f"{ACTOR}.ppo_epochs: True cannot stand for"),
    (PPO, "trainer.balance_batch", "maybe", "trainer.balance_batch: maybe cannot stand for verl's own value, True"),
    (PPO, "trainer.balance_batch", 1, "trainer.balance_batch: 1 cannot stand for"),
    (PPO, f"{ACTOR}.optim.num_cycles", float("inf"), "inf cannot stand for verl's own value, 0.5"),
    (PPO, f"{ACTOR}.loss_scale_factor", 1, "the experiment states it, as optimiser.loss_aggregation"),
    (PPO, "trainer.project_name", "${oc.env:HOME}", "cannot stand for"),
    (PPO, "trainer.project_name", 3, "trainer.project_name: 3 cannot stand for"),
    (PPO, f"{ROLLOUT}.engine_kwargs.vllm", {"a b": 1}, "cannot stand for"),
    (PPO, f"{ROLLOUT}.engine_kwargs.vllm", {"a": [float("nan")]}, "cannot stand for"),
    (SFT, "optim.lr", 1e-4, "optim.lr: the experiment states it, as supervised.learning_rate"),
    (SFT, "actor_rollout_ref.actor.ppo_epochs", 2, "verl has no such key"),
]


@pytest.mark.parametrize(("configuration", "key", "value", "said"), REFUSED)
def test_what_verl_would_take_without_a_word_is_refused(
    configuration: Configuration, key: str, value: Any, said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        check_keys({key: value}, configuration)
    assert said in str(caught.value)


def test_without_verl_nothing_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verl_keys.importlib.util, "find_spec", lambda name: None)
    check_keys({"no.such": 1}, PPO)
