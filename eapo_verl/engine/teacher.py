"""The teacher of on-policy distillation: whether it can score the policy's rollouts, and how verl is told of it."""

import json
from pathlib import Path
from typing import Any

from eapo_verl.cpu.kv_cache import SEQUENCES, kv_cache_bytes
from eapo_verl.engine.vocabulary import prompt_ids
from eapo_verl.settings.run import RunError, RunSettings


def overrides(settings: RunSettings, platform: str) -> dict[str, Any]:
    """The keys of verl by which a teacher scores this run's rollouts; what is the same in every run stands in ``conf``.

    Returns:
        nothing for a run without a teacher.
    """
    distillation, teacher = settings.distillation, settings.teacher
    if distillation is None or teacher is None:
        return {}
    loss, model = "distillation.distillation_loss", "distillation.teacher_models.teacher_model"
    values: dict[str, Any] = {
        "distillation.enabled": True,
        f"{loss}.use_task_rewards": distillation.task_reward,
        f"{loss}.distillation_loss_coef": distillation.coefficient,
        f"{loss}.loss_max_clamp": distillation.loss_clamp,
        f"{loss}.clip_ratio_low": settings.optimiser.clip_low,
        f"{loss}.clip_ratio_high": settings.optimiser.clip_high,
        f"{model}.model_path": str(teacher.absolute()),
        f"{model}.inference.max_model_len": _longest(settings),
    }
    if platform == "cpu":
        values[f"{model}.inference.max_num_seqs"] = SEQUENCES
        values[f"{model}.inference.engine_kwargs.vllm.kv_cache_memory_bytes"] = kv_cache_bytes(
            teacher, _longest(settings)
        )
    return values


def check_teacher(settings: RunSettings) -> None:
    """Refuse a teacher that cannot score the policy's rollouts, or would score another text than the policy wrote.

    verl sends a teacher the token ids of a rollout as they are, and compares no tokenizers. So each token of the policy
    has to be one of the teacher's, with the same id, and a problem the same prompt. The teacher may know more tokens:
    they are in no rollout.

    Raises:
        RunError: what is in the way, in one line.
    """
    if settings.distillation is None or settings.teacher is None:
        return
    try:
        complaint = _complaint(settings, settings.teacher)
    except KeyError as error:
        complaint = f"its config.json lacks {error}"
    except (OSError, ValueError) as error:
        complaint = f"it cannot be read: {error}"
    if complaint is not None:
        name = f"{settings.distillation.teacher} ({settings.teacher})"
        raise RunError(" ".join(f"teacher {name}: {complaint}".split()))


def _complaint(settings: RunSettings, folder: Path) -> str | None:
    # Here: it takes seconds, and a run without a teacher does not need it yet.
    from transformers import AutoTokenizer

    file = folder / "config.json"
    if not file.exists():
        return "there is no model: config.json is missing"
    config = json.loads(file.read_text(encoding="utf-8"))
    config = config.get("text_config", config)
    policy, teacher = (AutoTokenizer.from_pretrained(one) for one in (settings.policy, folder))
    own, known = policy.get_vocab(), teacher.get_vocab()
    for token, index in sorted(own.items(), key=lambda entry: entry[1]):
        if known.get(token) != index:
            there = f"has the id {known[token]}" if token in known else "is none"
            return f"its tokenizer is not the policy's: token {index}, {token!r}, {there} there"
    if config["vocab_size"] <= max(own.values()):
        return f"its vocab_size ({config['vocab_size']}) does not hold the policy's {max(own.values()) + 1} tokens"
    if _prompt(teacher, settings) != _prompt(policy, settings):
        return "its chat template makes another prompt of a problem than the policy's does"
    if config["max_position_embeddings"] < _longest(settings):
        return (
            f"it reads {config['max_position_embeddings']} tokens (max_position_embeddings), and a rollout needs "
            f"{_longest(settings)} (lengths.prompt + lengths.response + 1)"
        )
    return None


def _prompt(tokenizer: Any, settings: RunSettings) -> list[int] | None:
    """The token ids of a problem; None without a chat template."""
    if tokenizer.chat_template is None:
        return None
    system = [{"role": "system", "content": settings.system_prompt}] if settings.system_prompt else []
    chat = [*system, {"role": "user", "content": "1 + 1"}]
    ids: list[int] = prompt_ids(tokenizer, chat, settings.chat_template_kwargs)
    return ids


def _longest(settings: RunSettings) -> int:
    """Tokens that a teacher has to hold: a rollout, and the one that verl has it write after it."""
    return settings.lengths.prompt + settings.lengths.response + 1
