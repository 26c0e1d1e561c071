"""Command line of the package. Bad input is one line ``sft: …`` and status 2, a run that cannot go on status 3."""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.spawn import get_executable
from pathlib import Path

import yaml
from transformers import AutoTokenizer

from eapo_verl.cpu.environment import cpu_environment, on_cpu
from eapo_verl.engine.accelerators import check_sft, visible
from eapo_verl.engine.network import loopback_environment
from eapo_verl.record import checkpoints, step_log, transcripts
from eapo_verl.record.files import write_whole
from eapo_verl.record.step_metrics import VALIDATION_OUTCOME, counted
from eapo_verl.record.trackers import check_trackers, copy_trackers, wandb_environment
from eapo_verl.settings.errors import one_line
from eapo_verl.settings.run import RunError, RunStopped
from eapo_verl.sft.data import read_rows, write_rows
from eapo_verl.sft.manifest import write_manifest
from eapo_verl.sft.settings import SFTSettings
from eapo_verl.sft.verl_config import ROWS, processes
from eapo_verl.train import begin, exit_status

_LOOK_S = 0.2


def load_settings(path: Path) -> SFTSettings:
    """Read and check a run's settings (YAML). Raises RunError where the file is missing or malformed."""
    try:
        return SFTSettings(**yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise RunError(one_line(str(path), error)) from error


def train(settings: SFTSettings, checkpoint_dir: Path) -> None:
    """Run verl's trainer to the last step, in processes of its own: what it holds is free afterwards.

    Raises:
        RunStopped: it ends before; the last checkpoint is kept.
    """
    described = checkpoint_dir / "settings.json"
    write_whole(described, settings.model_dump_json())
    rendezvous = checkpoint_dir / "rendezvous"
    rendezvous.unlink(missing_ok=True)
    shared = os.environ | loopback_environment() | {"TENSORBOARD_DIR": str(checkpoint_dir / "tensorboard")}
    shared |= wandb_environment(settings, checkpoint_dir)
    shared |= cpu_environment(settings.threads.trainer) if on_cpu() else {}
    # This program, or what stands for it where jobs are forked off an interpreter.
    command = [os.fsdecode(get_executable()), "-m", "eapo_verl.sft.trainer", str(described), str(checkpoint_dir)]
    ranks = processes(settings)
    running = [
        subprocess.Popen(command, env=shared | _rank(rank, ranks, rendezvous), stdin=subprocess.DEVNULL)
        for rank in range(ranks)
    ]
    # One that has ended badly leaves the others waiting for it.
    while None in (statuses := [process.poll() for process in running]) and not any(statuses):
        time.sleep(_LOOK_S)
    for process in running:
        process.kill()
        process.wait()
    if any(statuses):
        # verl's progress bar may have stopped in the middle of a line.
        print(file=sys.stderr)
        status = next(filter(None, statuses))
        raise RunStopped(f"verl's SFT trainer ended with status {status}, for the reason above; run it again to go on")


def _rank(rank: int, ranks: int, rendezvous: Path) -> dict[str, str]:
    """What ``torchrun`` would tell a process: which of how many it is. They meet in a file: no port is open for it."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(ranks),
        # verl wants to know these, and nothing listens there.
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "0",
        "DIST_INIT_METHOD": f"file://{rendezvous}?rank={rank}&world_size={ranks}",
    }


def validated(settings: SFTSettings, checkpoint_dir: Path, model: Path) -> dict[int, dict[str, float]]:
    """What a validation measures, as columns, by training step; the trained model is left in ``model``."""
    # Here: what vLLM and verl import takes long, and bad input is to be said at once.
    from eapo_verl.sft.export import export
    from eapo_verl.sft.validation import validate

    budget, adapters = settings.budget, settings.supervised.lora is not None

    def models() -> Iterator[tuple[int, Path]]:
        exported = checkpoint_dir / "exported"
        for step in settings.validated_steps:
            target = model if step == budget.steps else exported
            if step:
                folder = checkpoint_dir / f"global_step_{step * budget.mini_batches}"
                export(folder, target, settings.policy, adapters)
            yield step, target if step else settings.policy
            shutil.rmtree(exported, ignore_errors=True)

    found = {}
    for step, grades in validate(settings, models()):
        accuracy = sum(grade.correct for grade in grades) / len(grades)
        outcomes = counted((grade.outcome for grade in grades), VALIDATION_OUTCOME)
        found[step] = {"accuracy_val_unassisted": accuracy, **outcomes}
        line = f"progress: {settings.method} seed {settings.seed}: validation at step {step}: {accuracy:.3f}"
        print(line, flush=True)
    return found


def run(settings: SFTSettings, run_dir: Path, checkpoint_dir: Path) -> None:
    """Train where that is not done yet, then write everything into ``run_dir`` and remove the checkpoints."""
    started = time.monotonic()
    check_trackers(settings)
    if not on_cpu():
        check_sft(settings, visible())
    rows = read_rows(settings, AutoTokenizer.from_pretrained(settings.policy))
    steps_each = settings.budget.mini_batches
    checkpoint_dir, resumed_from, attempts = begin(settings, checkpoint_dir, settings.config_sha256[:12], steps_each)
    if resumed_from:
        print(f"progress: {settings.method} seed {settings.seed}: resuming from step {resumed_from}", flush=True)
    learned = write_rows(rows, settings, checkpoint_dir / ROWS)
    if resumed_from < settings.budget.steps:
        train(settings, checkpoint_dir)

    run_dir.mkdir(parents=True, exist_ok=True)
    measured = validated(settings, checkpoint_dir, run_dir / "model")
    steps = step_log.with_validation(step_log.read_steps(checkpoint_dir / step_log.FILE), measured)
    write_whole(run_dir / step_log.FILE, "".join(json.dumps(line) + "\n" for line in steps))
    # There are no rollouts.
    write_whole(run_dir / transcripts.FILE, gzip.compress(b"", mtime=0))
    copy_trackers(checkpoint_dir, run_dir)
    wall_s = time.monotonic() - started
    write_manifest(run_dir / "run.json", settings, steps, rows, learned, wall_s, attempts)
    checkpoints.remove(checkpoint_dir)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eapo_verl.sft", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--checkpoint-dir", type=Path, required=True)
    arguments = parser.parse_args()
    return exit_status(
        "sft", lambda: run(load_settings(arguments.settings), arguments.run_dir, arguments.checkpoint_dir)
    )


if __name__ == "__main__":
    sys.exit(main())
