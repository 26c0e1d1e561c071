"""Train one run with verl: ``python -m eapo_verl.train settings.yaml --run-dir DIR --checkpoint-dir DIR``.

Writes ``run.json``, ``metrics.jsonl``, ``rollouts.jsonl.gz``, ``events.jsonl``, ``tensorboard/`` and ``model/`` (a
Hugging Face checkpoint) into the run directory once training has ended; until then everything lies in the checkpoint
directory, from which the same command goes on.
"""

import argparse
import contextlib
import importlib
import json
import os
import secrets
import shlex
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from eapo_verl.cpu.environment import cpu_environment, on_cpu
from eapo_verl.cpu.fork_server import serving
from eapo_verl.engine.accelerators import check_rl, visible
from eapo_verl.engine.cluster import check_job
from eapo_verl.engine.network import loopback_environment, on_one_machine
from eapo_verl.engine.verl_config import compose
from eapo_verl.experts.api_keys import read_headers
from eapo_verl.experts.preflight import ExpertsUnreachable, preflight
from eapo_verl.record import checkpoints, events, step_log
from eapo_verl.record.contents import contents_digest
from eapo_verl.record.other_runs import with_match
from eapo_verl.record.trackers import check_trackers, copy_trackers, wandb_environment
from eapo_verl.settings.errors import one_line
from eapo_verl.settings.machine import check_room, check_temporary_folder
from eapo_verl.settings.run import AnyRun, RunError, RunSettings, RunStopped

#: What the processes of a run import between them, the packages' own imports included.
ENGINES = (
    "eapo_verl.engine.task_runner",
    "eapo_verl.engine.rollout_worker",
    "eapo_verl.cpu.vllm_worker",
    "verl.trainer.main_ppo",
    "verl.workers.rollout.vllm_rollout.vllm_async_server",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.llama",
)
#: Exit statuses: bad input, and a run that cannot go on.
BAD_INPUT, STOPPED = 2, 3


def load_settings(path: Path, endpoints: Path | None = None) -> RunSettings:
    """Read and check a run's settings.

    Args:
        path: YAML.
        endpoints: a JSON file with base_url and model, by name, of experts that were started for this run.

    Raises:
        RunError: the file is missing or malformed, a key of an expert is not in the environment, an expert that the
            run may consult cannot be asked, or a run that it has to cost as much as does not say what it cost.
    """
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        started = json.loads(endpoints.read_text(encoding="utf-8")) if endpoints is not None else {}
        fields["experts"] = [expert | started.get(expert["name"], {}) for expert in fields.get("experts", [])]
        settings = RunSettings(**fields)
        for endpoint in settings.experts:
            read_headers(endpoint)
        if settings.consultation.possible:
            preflight(settings.experts)
        settings = with_match(settings)
    except ExpertsUnreachable as error:
        raise RunError(str(error)) from error
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise RunError(one_line(str(path), error)) from error
    return settings


def train(settings: RunSettings, checkpoint_dir: Path, resumed_from: int, nodes: int) -> None:
    """Run verl to the last step; continues after ``resumed_from``, the newest checkpoint's step, if it is not 0.

    Where ``nodes``, the machines of a job of Slurm's, are more than one, they form the cluster that it runs in.

    Raises:
        RunStopped: experts failed too often, say, or a machine is lost; the last checkpoint is kept.
    """
    os.environ.setdefault("TENSORBOARD_DIR", str(checkpoint_dir / "tensorboard"))
    os.environ |= wandb_environment(settings, checkpoint_dir)
    own = on_one_machine(settings.verl)
    alone = own and nodes < 2
    if own:
        os.environ |= _own_cluster()
    if alone:
        os.environ |= loopback_environment()
    with _process_starter(settings, checkpoint_dir, alone) as starter, contextlib.ExitStack() as cluster:
        import ray
        from omegaconf import OmegaConf
        from verl.trainer.main_ppo import run_ppo

        from eapo_verl.engine import banned_tag
        from eapo_verl.engine.cluster import RUNNER, Watch, formed, joining
        from eapo_verl.engine.failures import RolloutsFailed
        from eapo_verl.engine.task_runner import TaskRunner
        from eapo_verl.engine.verl_checks import validate
        from eapo_verl.engine.weight_socket import new_run

        config = compose(settings, checkpoint_dir, "cpu" if on_cpu() else "gpu")
        # A resumed run has been validated where it goes on from, unless it was killed before its last validation.
        config.trainer.val_before_train = resumed_from in (0, settings.budget.steps)
        if nodes > 1:
            config.trainer.nnodes = nodes
        validate(config)
        ray_init = config.ray_kwargs.ray_init
        runtime_env = {**(ray_init.get("runtime_env") or {})}
        ours = new_run() | banned_tag.variables(settings.policy, settings.consultation)
        runtime_env["env_vars"] = {**runtime_env.get("env_vars", {}), **ours}
        if starter is not None:
            runtime_env["py_executable"] = shlex.quote(str(starter))
        ray_init.runtime_env = runtime_env
        print("start-up: configuration checked", flush=True)
        if not alone:
            given: Any = OmegaConf.to_container(ray_init)
            address = cluster.enter_context(formed(nodes, given)) if own else ray_init.address
            config.ray_kwargs.ray_init = joining(given, address)
        watch = cluster.enter_context(Watch()) if nodes > 1 else None
        try:
            run_ppo(config, ray.remote(num_cpus=1)(TaskRunner).options(name=RUNNER))
        except ray.exceptions.RayError as error:
            # Rollouts that raise, too, may be the first that is seen of a machine's loss.
            told = isinstance(error, RunStopped) and not isinstance(error, RolloutsFailed)
            if watch is None or told or not watch.notices():
                raise
            raise RunStopped(f"cluster: lost {', '.join(watch.lost)}; the same command goes on with the run") from error
        finally:
            ray.shutdown()


def _own_cluster() -> dict[str, str]:
    """Have Ray want a token from whoever connects, that of this run alone; by itself it keeps one for all in HOME."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _ray_environment() -> dict[str, str]:
    """What Ray's library reads once, when it is loaded, and Ray sets later for a worker that loads it anew.

    The first job of a cluster has this id. A worker ends when this process does: Ray names its own daemon here, which
    ends with this process, too.
    """
    return {"RAY_JOB_ID": "01000000", "RAY_RAYLET_PID": str(os.getpid())}


@contextlib.contextmanager
def _process_starter(settings: RunSettings, folder: Path, alone: bool) -> Iterator[Path | None]:
    """What Ray starts its workers with instead of ``python``; None where it is ``python``.

    Without an accelerator, and on this machine alone, they are processes that are forked from one with all of their
    imports. With one they are few beside what they compute.
    """
    if on_cpu():
        os.environ |= cpu_environment(settings.threads.trainer, settings.threads.rollout)
    if not (on_cpu() and alone):
        yield None
        return
    os.environ |= _ray_environment()
    with warnings.catch_warnings():
        # verl names each of its engines that is not installed.
        warnings.simplefilter("ignore", UserWarning)
        for module in ENGINES:
            importlib.import_module(module)
    print("start-up: engines imported", flush=True)
    with serving(folder) as program:
        yield program


def run(settings: RunSettings, run_dir: Path, checkpoint_dir: Path, nodes: int = 1) -> None:
    """Train where that is not done yet, then write everything into ``run_dir`` and remove the checkpoints.

    Checkpoints are of so many machines: each of their ranks has a part of the weights.
    """
    from eapo_verl.engine.prompts import write_all
    from eapo_verl.engine.provided import provide
    from eapo_verl.engine.teacher import check_teacher
    from eapo_verl.record import transcripts
    from eapo_verl.record.manifest import write_manifest

    started = time.monotonic()
    check_temporary_folder()
    check_job(nodes)
    name = settings.checkpoint_name + (f"-{nodes}nodes" if nodes > 1 else "")
    checkpoint_dir, resumed_from, attempts = begin(settings, checkpoint_dir, name)
    if resumed_from:
        print(f"progress: {settings.method} seed {settings.seed}: resuming from step {resumed_from}", flush=True)
    check_teacher(settings)
    check_trackers(settings)
    if not on_cpu():
        check_rl(settings, visible(), nodes)
    events.begin(checkpoint_dir / events.FILE)
    dropped = write_all(settings, checkpoint_dir)
    provided = provide(settings, checkpoint_dir)
    # The last step is logged after the last checkpoint and the last validation.
    logged = [line["step"] for line in step_log.read_steps(checkpoint_dir / step_log.FILE)]
    if resumed_from < settings.budget.steps or settings.budget.steps not in logged:
        train(settings, checkpoint_dir, resumed_from, nodes)

    # Not before: it imports Ray, which reads the environment that training sets as it is loaded.
    from eapo_verl.engine.checkpoints import merge

    run_dir.mkdir(parents=True, exist_ok=True)
    merge(checkpoint_dir / f"global_step_{settings.budget.steps}" / "actor", run_dir / "model")
    for name in (step_log.FILE, transcripts.FILE, events.FILE):
        shutil.copyfile(checkpoint_dir / name, run_dir / name)
    copy_trackers(checkpoint_dir, run_dir)
    write_manifest(
        run_dir / "run.json",
        settings,
        step_log.read_steps(checkpoint_dir / step_log.FILE),
        transcripts=transcripts.counts(run_dir / transcripts.FILE),
        dropped_prompts=dropped,
        wall_s=time.monotonic() - started,
        attempts=attempts,
        provided=provided,
        happened=events.read_events(checkpoint_dir / events.FILE),
    )
    checkpoints.remove(checkpoint_dir)


def begin(
    settings: AnyRun, checkpoint_dir: Path, name: str, steps_each: int = 1
) -> tuple[Path, int, list[dict[str, Any]]]:
    """Begin an attempt at a run in the folder of its checkpoints, one of ``checkpoint_dir``.

    Checkpoints belong to one configuration, which ``name`` tells, and to the contents of what it is made from; another
    one starts anew beside them. ``steps_each`` is how many of verl's steps a training step has.

    Returns:
        the folder, the training step to go on from (0: none), and the attempts, this one last.

    Raises:
        RunError: a file or a model that the run is made from cannot be read, or a first checkpoint has no room.
    """
    try:
        contents = contents_digest(settings.inputs)
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be read: {error.strerror}") from error
    folder = checkpoint_dir.absolute() / f"{name}-{contents[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.clear_removed(folder.parent)
    step = checkpoints.go_on_from(folder) // steps_each
    if not step:
        check_room(folder, checkpoints.checkpoint_bytes(settings.policy, settings), "a checkpoint")
    return folder, step, checkpoints.note_attempt(folder, step)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eapo_verl.train", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--checkpoint-dir", type=Path, required=True)
    parser.add_argument("--endpoints", type=Path)
    parser.add_argument("--nodes", type=int, default=1, help="machines, of the job of Slurm's that this is run in")
    arguments = parser.parse_args()

    def make() -> None:
        settings = load_settings(arguments.settings, arguments.endpoints)
        run(settings, arguments.run_dir, arguments.checkpoint_dir, arguments.nodes)

    return exit_status("train", make)


def exit_status(program: str, make: Callable[[], None]) -> int:
    """The exit status of a program that makes a run; what keeps it from that is one line after the program's name."""
    try:
        make()
    except RunStopped as error:
        # Ray hands on the exception of the process in which it was raised, with that process's traceback as its text.
        print(f"{program}: {getattr(error, 'cause', error)}", file=sys.stderr)
        return STOPPED
    except RunError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
