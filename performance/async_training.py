"""Steps an hour of ``training.trainer: sync`` and ``colocate_async``, by how long experts take to answer.

``python performance/async_training.py SETTINGS [--latency 0 2 10] [--steps 7]``

SETTINGS is a run's settings file of a method that consults, e.g. results/smoke/settings/eapo.seed1.yaml. Each run is
the same but for the trainer and the latency: a few steps through verl and vLLM on the run's own policy, every rollout
opening with a consultation that waits for a local expert (``slow_expert.py``), so that the least a step can take in
``sync`` is a latency. Prints the median step after the first, which pays for warm-up; steps an hour, of all of these
together, since the two batches that ``colocate_async`` has under way may come in one after the other, and a long step
alternate with a short one; and the ratio of the two.
"""

import argparse
import contextlib
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from slow_expert import serve
from training_step import read, step_seconds, through_verl

from eapo_verl.record.provenance import hardware
from workflow.belonging import announce, take_named

TRAINERS = ("sync", "colocate_async")
#: Connections that may wait for the expert at once.
BACKLOG = 1024


@contextlib.contextmanager
def expert(latency_s: float) -> Iterator[str]:
    """An expert's address, answered in a process of its own, forked: a new one would import all that this one has."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        process = multiprocessing.get_context("fork").Process(
            target=serve, args=(listener, BACKLOG, latency_s), daemon=True
        )
        process.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        process.terminate()
        process.join()


@contextlib.contextmanager
def as_workflow() -> Iterator[Path]:
    """A folder for runs that this process is the workflow of: they share what they import."""
    with tempfile.TemporaryDirectory() as name:
        lock = Path(name) / ".lock"
        held = take_named(lock)
        announce(lock)
        yield Path(name)
        os.close(held)


def measure(settings: dict, trainer: str, latency_s: float, folder: Path) -> list[dict]:
    """The lines of a run's steps after the first; ``folder`` is the run's own."""
    with expert(latency_s) as base_url:
        consulting = {
            "trigger": "always",
            "turns": {"train": 1, "evaluation": 1},
            "acceptance": {"kind": "constant", "start": 1.0},
        }
        changed = settings | {
            "trainer": trainer,
            "experts": [{"name": "slow", "base_url": base_url, "model": "expert", "max_concurrency": BACKLOG}],
            "consultation": settings["consultation"] | consulting,
        }
        return through_verl(changed, folder)[1]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0, 2.0, 10.0], help="seconds")
    parser.add_argument("--steps", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.steps < 2 or min(arguments.latency) < 0:
        parser.error("--steps has to be at least 2, and --latency at least 0")
    settings = read(arguments.settings, arguments.steps)
    if not settings["experts"]:
        sys.exit(f"async_training: {arguments.settings}: nobody is consulted in this run; take one with experts")
    rollouts = settings["budget"]["prompts_per_step"] * settings["budget"]["rollouts_per_prompt"]
    print(
        f"on {hardware()['cpu']} ({hardware()['instruction_set']}), {os.cpu_count()} cores; median (range) of "
        f"{arguments.steps - 1} steps of {rollouts} rollouts"
    )
    with as_workflow() as folder:
        for latency_s in arguments.latency:
            an_hour = {}
            for trainer in TRAINERS:
                steps = measure(settings, trainer, latency_s, folder / f"{trainer}-{latency_s:g}")
                seconds = [step_seconds([line]) for line in steps]
                an_hour[trainer] = 3600 / statistics.fmean(seconds)
                behind = statistics.fmean(line.get("steps_behind", 0.0) for line in steps)
                print(
                    f"  {latency_s:g} s, {trainer}: {statistics.median(seconds):.2f} s a step ({min(seconds):.2f} to "
                    f"{max(seconds):.2f}), {an_hour[trainer]:.0f} steps an hour, turns {behind:.1f} steps old",
                    flush=True,
                )
            print(f"  {latency_s:g} s: {an_hour['colocate_async'] / an_hour['sync']:.2f} times the steps")


if __name__ == "__main__":
    main()
