"""Which keys of verl's own configuration an experiment may set, and to what; verl itself takes any key without a word.

What there is, verl's files say: its configurations (YAML) and the dataclasses that they name, read from their source,
since importing them would import torch.
"""

import ast
import difflib
import functools
import importlib.util
import math
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_HERE = Path(__file__).resolve().parent.parent
#: The value of a key of which nothing is known but that it may be there.
_ANY: Any = None
#: Mappings that go to a library as they are, whatever of it verl's files mention.
_OPEN = ("ray_kwargs.ray_init",)
#: A key that our code sets to what it needs.
_OURS = "the program itself sets it"


class Configuration(NamedTuple):
    """One of verl's.

    Attributes:
        file: in verl's folder of configurations.
        overlays: ours, in this package.
        stated: keys that the settings of a run state, by what states them.
    """

    file: str
    overlays: tuple[str, ...]
    stated: dict[str, str]


_ACTOR, _ROLLOUT, _SAMPLER = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "trainer.v1.sampler.sampler_kwargs"
_LOSS, _TEACHER = "distillation.distillation_loss", "distillation.teacher_models.teacher_model"
#: Of reinforcement learning.
PPO = Configuration(
    "_generated_ppo_trainer.yaml",
    ("engine/conf/trainer.yaml", "engine/conf/platform/cpu.yaml", "engine/conf/platform/gpu.yaml"),
    {
        "eapo": _OURS,
        "algorithm.norm_adv_by_std_in_grpo": "optimiser.normalise_by_std",
        "algorithm.use_kl_in_reward": "optimiser.kl_reward_coefficient",
        "algorithm.kl_ctrl.kl_coef": "optimiser.kl_reward_coefficient",
        "algorithm.rollout_correction.bypass_mode": _OURS,
        "data.train_files": "train",
        "data.val_files": "validation",
        "data.train_batch_size": "budget.prompts_per_step",
        "data.gen_batch_size": "optimiser.dynamic_sampling",
        "data.max_prompt_length": "lengths.prompt",
        "data.max_response_length": "lengths.response",
        "data.apply_chat_template_kwargs": "chat_template_kwargs",
        "data.seed": "seeds",
        "actor_rollout_ref.model.path": "policy",
        f"{_ACTOR}.optim.lr": "optimiser.learning_rate",
        f"{_ACTOR}.optim.weight_decay": "optimiser.weight_decay",
        f"{_ACTOR}.grad_clip": "optimiser.grad_clip",
        f"{_ACTOR}.clip_ratio_low": "optimiser.clip_low",
        f"{_ACTOR}.clip_ratio_high": "optimiser.clip_high",
        f"{_ACTOR}.loss_agg_mode": "optimiser.loss_aggregation",
        f"{_ACTOR}.loss_scale_factor": "optimiser.loss_aggregation",
        f"{_ACTOR}.use_kl_loss": "optimiser.kl_coefficient",
        f"{_ACTOR}.kl_loss_coef": "optimiser.kl_coefficient",
        f"{_ACTOR}.ppo_mini_batch_size": "budget.mini_batches",
        f"{_ROLLOUT}.n": "budget.rollouts_per_prompt",
        f"{_ROLLOUT}.temperature": "optimiser.temperature",
        f"{_ROLLOUT}.max_model_len": "lengths",
        f"{_ROLLOUT}.seed": "seeds",
        f"{_ROLLOUT}.val_kwargs.n": "budget.validation_samples",
        f"{_ROLLOUT}.val_kwargs.temperature": "optimiser.temperature",
        f"{_SAMPLER}.filter_groups_metric": "optimiser.dynamic_sampling",
        f"{_SAMPLER}.most_discarded": "optimiser.dynamic_sampling_batches",
        "trainer.total_training_steps": "budget.steps",
        "trainer.test_freq": "budget.validate_every",
        "trainer.save_freq": "budget.checkpoint_every",
        "trainer.experiment_name": _OURS,
        "trainer.default_local_dir": _OURS,
        "distillation.enabled": _OURS,
        f"{_LOSS}.use_task_rewards": "task_reward",
        f"{_LOSS}.distillation_loss_coef": "coefficient",
        f"{_LOSS}.loss_max_clamp": "loss_clamp",
        f"{_LOSS}.clip_ratio_low": "optimiser.clip_low",
        f"{_LOSS}.clip_ratio_high": "optimiser.clip_high",
        f"{_TEACHER}.model_path": "teacher",
        f"{_TEACHER}.inference.max_model_len": "lengths",
        "actor_rollout_ref.model.external_lib": _OURS,
        f"{_ROLLOUT}.name": _OURS,
        f"{_ROLLOUT}.mode": _OURS,
        f"{_ROLLOUT}.agent.agent_loop_manager_class": _OURS,
        "trainer.resume_mode": _OURS,
        "trainer.total_epochs": _OURS,
        "trainer.use_v1": _OURS,
        "trainer.v1.sampler.custom_sampler": _OURS,
        "trainer.v1.trainer_mode": "trainer",
        "trainer.val_before_train": _OURS,
    },
)
#: Of supervised fine-tuning.
SFT = Configuration(
    "sft_trainer_engine.yaml",
    ("sft/conf/sft.yaml", "sft/conf/platform/cpu.yaml", "sft/conf/platform/gpu.yaml"),
    {
        "data.train_files": "solutions",
        "data.train_batch_size": "training.budget",
        "data.max_length": "training.lengths",
        "data.apply_chat_template_kwargs": "chat_template_kwargs",
        "model.path": "policy",
        "model.lora_rank": "supervised.lora.rank",
        "model.lora_alpha": "supervised.lora.alpha",
        "model.target_modules": "supervised.lora.targets",
        "optim.lr": "supervised.learning_rate",
        "optim.lr_scheduler_type": "supervised.schedule",
        "optim.lr_warmup_steps_ratio": "supervised.warm_up",
        "optim.weight_decay": "supervised.weight_decay",
        "optim.clip_grad": "supervised.grad_clip",
        "trainer.total_training_steps": "training.budget",
        "trainer.save_freq": "training.budget.validate_every",
        "trainer.experiment_name": _OURS,
        "trainer.default_local_dir": _OURS,
        "trainer.resume_mode": _OURS,
        "trainer.test_freq": _OURS,
        "trainer.total_epochs": _OURS,
    },
)


def check_keys(values: dict[str, Any], configuration: Configuration) -> None:
    """Check what an experiment says of one of verl's configurations; where verl is not installed, nothing can be said.

    Args:
        values: by dotted key.
        configuration: which one.

    Raises:
        ValueError: verl has no such key, the experiment states it elsewhere, or it takes no such value.
    """
    if not values or (verl := importlib.util.find_spec("verl")) is None or verl.origin is None:
        return
    root = Path(verl.origin).parent
    for key, value in values.items():
        for stated, where in configuration.stated.items():
            if f"{key}.".startswith(f"{stated}."):
                raise ValueError(f"{key}: {where if where == _OURS else f'the experiment states it, as {where}'}")
        try:
            default = _default(_tree(root / "trainer/config" / configuration.file), key, root)
        except KeyError as error:
            ours = [_tree(_HERE / overlay) for overlay in configuration.overlays]
            if not any(_is_there(tree, key, root) for tree in ours):
                raise ValueError(f"{key}: {error.args[0]}") from error
            default = _ANY
        if not _fits(value, default):
            kind = "a mapping, whose keys are set one by one" if isinstance(default, dict) else repr(default)
            raise ValueError(f"{key}: {str(value)[:60]} cannot stand for verl's own value, {kind[:200]}")


@functools.cache
def _tree(file: Path) -> dict[str, Any]:
    """A configuration with those that its ``defaults`` put into it; verl's large one is generated, and has none."""
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree.pop("hydra", None)
    for entry in tree.pop("defaults", []):
        for place, name in entry.items() if isinstance(entry, dict) else ():
            group, _, key = place.partition("@")
            if key:
                tree[key] = _tree(file.parent / group / f"{name}.yaml")
    return tree


def _default(tree: dict[str, Any], key: str, root: Path) -> Any:
    """verl's value of a key, ``_ANY`` where it says none. Raises KeyError, with words: there is no such key."""
    node: Any = tree
    way = ""
    for part in key.split("."):
        if _says_nothing(node) or node == {} or way in _OPEN:
            return _ANY
        fields = _fields(str(node["_target_"]), root) if isinstance(node, dict) and "_target_" in node else frozenset()
        if not isinstance(node, dict) or part not in {*node, *fields} - {"_target_"}:
            names = {*node, *fields} if isinstance(node, dict) else set()
            near = difflib.get_close_matches(part, sorted(map(str, names)), n=5, cutoff=0.0)
            raise KeyError(f"verl has no such key; {way or 'its configuration'} has {', '.join(near) or 'none'}")
        node = node.get(part, _ANY)
        way = f"{way}.{part}".lstrip(".")
    return node


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (value == "???" or "${" in value))


def _is_there(tree: dict[str, Any], key: str, root: Path) -> bool:
    try:
        _default(tree, key, root)
    except KeyError:
        return False
    return True


@functools.cache
def _fields(target: str, root: Path) -> frozenset[str]:
    """The fields of one of verl's dataclasses, those of its bases in the same package among them."""
    package, _, name = target.rpartition(".")
    place = root.parent.joinpath(*package.split("."))
    files = place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    classes = {
        node.name: node
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    waiting = [name]
    while waiting:
        if (node := classes.get(waiting.pop())) is not None:
            waiting += [base.id for base in node.bases if isinstance(base, ast.Name)]
            found |= {
                line.target.id
                for line in node.body
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            }
    return frozenset(found)


def _fits(value: Any, default: Any) -> bool:
    """Whether a value is of the default's kind, finite, and none that is computed from other keys."""
    if isinstance(value, dict):
        return (default == {} or _says_nothing(default)) and all(
            str(key).isidentifier() and _fits(one, _ANY) for key, one in value.items()
        )
    if isinstance(value, list):
        return (isinstance(default, list | str) or _says_nothing(default)) and all(_fits(one, _ANY) for one in value)
    if isinstance(value, str):
        return (isinstance(default, str | list) or _says_nothing(default)) and "${" not in value
    if isinstance(value, bool):
        return isinstance(default, bool) or _says_nothing(default)
    if isinstance(value, int | float):
        number = isinstance(default, int | float) and not isinstance(default, bool)
        return (number or _says_nothing(default)) and math.isfinite(value)
    return value is None and not isinstance(default, bool | int | float | dict)
