"""Train one run with verl: ``python -m eapo_verl.train settings.yaml --run-dir DIR --checkpoint-dir DIR``.

Writes ``run.json``, ``metrics.jsonl`` and ``model/`` (a Hugging Face checkpoint) into the run directory once training
has ended; until then everything lies in the checkpoint directory, from which the same command goes on.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from eapo_verl.cpu_environment import cpu_environment
from eapo_verl.experts import read_api_key
from eapo_verl.settings import RunSettings
from eapo_verl.step_log import read_steps

_LAST_STEP_FILE = "latest_checkpointed_iteration.txt"


class RunError(Exception):
    """What is wrong with the run's input, in one line."""


def load_settings(path: Path, endpoints: Path | None = None) -> RunSettings:
    """Read and check a run's settings.

    Args:
        path: YAML.
        endpoints: a JSON file with base_url and model, by name, of experts that were started for this run.

    Raises:
        RunError: the file is missing or malformed, or a key of an expert is not in the environment.
    """
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        started = json.loads(endpoints.read_text(encoding="utf-8")) if endpoints is not None else {}
        fields["experts"] = [expert | started.get(expert["name"], {}) for expert in fields.get("experts", [])]
        settings = RunSettings(**fields)
        for endpoint in settings.experts:
            read_api_key(endpoint)
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise RunError(f"{path}: {error}") from error
    return settings


def overrides(settings: RunSettings, checkpoint_dir: Path) -> list[str]:
    """The Hydra overrides that turn the overlay ``conf/trainer.yaml`` into this run."""
    budget, optimiser, lengths = settings.budget, settings.optimiser, settings.lengths
    actor, rollout = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
    agent_loops = Path(__file__).parent / "conf" / "agent_loops.yaml"
    values: dict[str, Any] = {
        "eapo.run_seed": settings.seed,
        "eapo.total_steps": budget.steps,
        "eapo.metrics_file": str(checkpoint_dir / "metrics.jsonl"),
        "eapo.label": f"{settings.method} seed {settings.seed}",
        "data.train_files": str(checkpoint_dir / "train.parquet"),
        "data.val_files": str(checkpoint_dir / "validation.parquet"),
        "data.train_batch_size": budget.prompts_per_step,
        "data.max_prompt_length": lengths.prompt,
        "data.max_response_length": lengths.response,
        "data.seed": settings.seed,
        "actor_rollout_ref.model.path": str(settings.policy.absolute()),
        f"{actor}.optim.lr": optimiser.learning_rate,
        f"{actor}.optim.weight_decay": optimiser.weight_decay,
        f"{actor}.grad_clip": optimiser.grad_clip,
        f"{actor}.clip_ratio_low": optimiser.clip_low,
        f"{actor}.clip_ratio_high": optimiser.clip_high,
        f"{actor}.use_kl_loss": optimiser.kl_coefficient > 0,
        f"{actor}.kl_loss_coef": optimiser.kl_coefficient,
        f"{actor}.ppo_mini_batch_size": budget.prompts_per_step // budget.mini_batches,
        f"{rollout}.n": budget.rollouts_per_prompt,
        f"{rollout}.temperature": optimiser.temperature,
        f"{rollout}.max_model_len": lengths.prompt + lengths.response,
        f"{rollout}.seed": settings.seed,
        f"{rollout}.agent.agent_loop_config_path": str(agent_loops),
        f"{rollout}.val_kwargs.n": budget.validation_samples,
        f"{rollout}.val_kwargs.temperature": optimiser.temperature,
        "trainer.total_training_steps": budget.steps,
        "trainer.test_freq": budget.validate_every,
        "trainer.save_freq": budget.checkpoint_every,
        "trainer.experiment_name": f"{settings.experiment}-{settings.method}-{settings.seed}",
        "trainer.default_local_dir": str(checkpoint_dir),
    } | settings.verl
    return [f"++{key}={json.dumps(value)}" for key, value in values.items()]


def compose(settings: RunSettings, checkpoint_dir: Path, platform: str) -> Any:
    """verl's configuration for this run.

    Args:
        settings: the run.
        checkpoint_dir: where checkpoints, the data in verl's form and the growing metrics file live.
        platform: "cpu" or "gpu": the overlay of ``conf/platform``.
    """
    import hydra
    from omegaconf import open_dict

    with hydra.initialize_config_module("eapo_verl.conf", version_base=None):
        config = hydra.compose("trainer", [f"platform={platform}", *overrides(settings, checkpoint_dir)])
    with open_dict(config):
        config.eapo.consultation = settings.consultation.model_dump(mode="json")
        config.eapo.experts = [endpoint.model_dump(mode="json") for endpoint in settings.experts]
    return config


def write_prompts(source: Path, target: Path, system_prompt: str | None, agent: str) -> None:
    """Turn a problem set into verl's parquet; ``agent`` is the agent loop that its prompts are rolled out with."""
    import pandas

    with source.open(encoding="utf-8") as file:
        problems = [json.loads(line) for line in file]
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    rows = [
        {
            "prompt": [*system, {"role": "user", "content": problem["problem"]}],
            "data_source": source.stem,
            "agent_name": agent,
            "reward_model": {"style": "rule", "ground_truth": problem["answer"]},
            "extra_info": {"index": index, "problem": problem["problem"]},
        }
        for index, problem in enumerate(problems)
    ]
    pandas.DataFrame(rows).to_parquet(target)


def train(settings: RunSettings, checkpoint_dir: Path, resumed_from: int) -> None:
    """Run verl to the last step; continues after ``resumed_from``, the newest checkpoint's step, if it is not 0."""
    import ray
    from verl.trainer.main_ppo import run_ppo
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config
    from verl.utils.device import get_device_name

    from eapo_verl.trainer import TaskRunner

    consulting = settings.consultation.instruction if settings.consults else None
    training_prompt = "\n\n".join(text for text in (settings.system_prompt, consulting) if text) or None
    agent = "consulting" if settings.consults else "independent"
    write_prompts(settings.train_file, checkpoint_dir / "train.parquet", training_prompt, agent)
    write_prompts(
        settings.validation_file, checkpoint_dir / "validation.parquet", settings.system_prompt, "independent"
    )

    config = compose(settings, checkpoint_dir, "cpu" if get_device_name() == "cpu" else "gpu")
    config.actor_rollout_ref.rollout.agent.default_agent_loop = agent
    # A resumed run has been validated where it goes on from.
    config.trainer.val_before_train = resumed_from == 0
    validate_config(config=config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    os.environ.setdefault("TENSORBOARD_DIR", str(checkpoint_dir / "tensorboard"))
    if get_device_name() == "cpu":
        os.environ |= cpu_environment(settings.threads.trainer, settings.threads.rollout)
    try:
        run_ppo(config, ray.remote(num_cpus=1)(TaskRunner))
    finally:
        ray.shutdown()


def export(checkpoint_dir: Path, steps: int, target: Path) -> None:
    """Merge the sharded checkpoint of the last step into a Hugging Face checkpoint, tokenizer included."""
    from verl.model_merger.base_model_merger import ModelMergerConfig
    from verl.model_merger.fsdp_model_merger import FSDPModelMerger

    actor = checkpoint_dir / f"global_step_{steps}" / "actor"
    merger = FSDPModelMerger(
        ModelMergerConfig(
            operation="merge",
            backend="fsdp",
            local_dir=str(actor),
            hf_model_config_path=str(actor / "huggingface"),
            target_dir=str(target),
        )
    )
    merger.merge_and_save()


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eapo_verl.train", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--checkpoint-dir", type=Path, required=True)
    parser.add_argument("--endpoints", type=Path)
    arguments = parser.parse_args()
    try:
        settings = load_settings(arguments.settings, arguments.endpoints)
    except RunError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2

    from eapo_verl.manifest import write_manifest

    started = time.monotonic()
    # A checkpoint belongs to one configuration; another one starts anew beside it.
    checkpoint_dir = arguments.checkpoint_dir.absolute() / settings.config_sha256[:12]
    checkpoint_dir.mkdir(parents=True, exist_ok=True)
    last = checkpoint_dir / _LAST_STEP_FILE
    resumed_from = int(last.read_text()) if last.exists() else 0
    if resumed_from:
        print(f"progress: {settings.method} seed {settings.seed}: resuming from step {resumed_from}", flush=True)
    if resumed_from < settings.budget.steps:
        train(settings, checkpoint_dir, resumed_from)

    arguments.run_dir.mkdir(parents=True, exist_ok=True)
    export(checkpoint_dir, settings.budget.steps, arguments.run_dir / "model")
    shutil.copyfile(checkpoint_dir / "metrics.jsonl", arguments.run_dir / "metrics.jsonl")
    write_manifest(
        arguments.run_dir / "run.json",
        settings,
        read_steps(checkpoint_dir / "metrics.jsonl"),
        wall_s=time.monotonic() - started,
        resumed_from=resumed_from,
    )
    shutil.rmtree(checkpoint_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
