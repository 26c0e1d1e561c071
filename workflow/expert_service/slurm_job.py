"""The service as a job of Slurm's, for runs that are jobs of Slurm's: the first that needs it submits it.

So it outlives that run's own job, on a node of its own if need be, and ends with the workflow as it would elsewhere. It
is charged, limited and placed as the job that submits it, but for what the user's environment says otherwise; what else
it may use, the experiment says.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from workflow.belonging import Workflow
from workflow.expert_service.state import ServiceError

#: What the service's job may use, in the environment of a workflow's jobs.
SHARE_VARIABLE = "EAPO_EXPERTS_SHARE"
#: Options of sbatch for it, separated by spaces, in the user's environment: of another partition, say.
OPTIONS_VARIABLE = "EAPO_EXPERTS_SBATCH"
#: Seconds that a run, which has its own processors and accelerators meanwhile, waits for the service's job to begin.
_QUEUED_AT_MOST_S = 3600.0
_LOOK_S, _ANSWERS_WITHIN_S = 2.0, 60.0
_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED"}
_ALIVE = {*_WAITING, "RUNNING", "COMPLETING", "STAGE_OUT"}
#: What it has of the submitting job: options of sbatch, by squeue's letters, and what that prints where there is none.
_OF_THE_RUN = {"account": "a", "partition": "P", "time": "l", "qos": "q", "reservation": "v", "constraint": "f"}
_NOTHING = ("", "(null)", "N/A")
#: In none of them; constraints have most other signs.
_SEPARATOR = ";"
#: Of the submitting job alone: its allocation, its devices, and a folder that only its node may have.
_NOT_HANDED_ON = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_", "CUDA_VISIBLE_", "ROCR_VISIBLE_", "GPU_DEVICE_", "TMPDIR")


class Share(BaseModel):
    """What the service's job is given: cores, MiB of memory, accelerators.

    ``gpus`` None: as many as the servers take; cores and memory are then for each of them.
    """

    threads: int
    memory_mb: int
    gpus: int | None

    def of(self, accelerators: int) -> "Share":
        """That of a service whose servers take so many accelerators."""
        if self.gpus is not None:
            return self
        times = max(1, accelerators)
        return Share(threads=times * self.threads, memory_mb=times * self.memory_mb, gpus=accelerators)

    def announce(self) -> None:
        """Put it into the environment of this process and of its jobs."""
        os.environ[SHARE_VARIABLE] = self.model_dump_json()


def in_job_of(workflow: Workflow) -> bool:
    """Whether this process is in a job of Slurm's that the workflow has submitted, and not merely in its own."""
    return "SLURM_JOB_ID" in os.environ and SHARE_VARIABLE in os.environ and not workflow.has_started_us()


class SlurmJob:
    """The job of a service; ``number`` is Slurm's."""

    def __init__(self, number: str, workflow: Workflow) -> None:
        self.number, self._workflow = number, workflow
        self._began, self._looked_at = time.monotonic(), float("-inf")
        self._state: str | None = None

    @classmethod
    def submit(cls, workflow: Workflow, printed: Path, command: Sequence[str], accelerators: int = 0) -> "SlurmJob":
        """Submit ``command``, which is told its node's name by ``--host``; what it prints goes to ``printed``.

        Its servers take so many ``accelerators``.

        Raises:
            ServiceError: Slurm refuses.
        """
        share = Share.model_validate_json(os.environ[SHARE_VARIABLE]).of(accelerators)
        printed.parent.mkdir(parents=True, exist_ok=True)
        letters = _SEPARATOR.join(f"%{letter}" for letter in _OF_THE_RUN.values())
        said = _ask("squeue", "--noheader", "--jobs", os.environ["SLURM_JOB_ID"], "--format", letters).strip()
        same = dict(zip(_OF_THE_RUN, said.split(_SEPARATOR), strict=True))
        options = {
            "job-name": "eapo-experts", "output": printed, "chdir": Path.cwd(), "export": "ALL",
            "nodes": 1, "ntasks": 1, "cpus-per-task": share.threads, "mem": f"{share.memory_mb}M",
            **{name: value for name, value in same.items() if value not in _NOTHING},
        }  # fmt: skip
        words = [f"--{name}={value}" for name, value in options.items()]
        words += [f"--gpus={share.gpus}"] if share.gpus else []
        words += os.environ.get(OPTIONS_VARIABLE, "").split()
        # A job that Slurm starts again by itself would be a second one beside the next run's.
        words += ["--parsable", "--no-requeue", "--wrap", f'exec {shlex.join(command)} --host="$(hostname)"']
        return cls(_ask("sbatch", *words).strip().partition(";")[0], workflow)

    def ended(self) -> bool:
        """Whether there is no such job any more.

        Raises:
            ServiceError: it waits in the queue for too long, and is cancelled; or nobody needs it any more.
        """
        if self._workflow.ended():
            raise ServiceError("the workflow has ended, and nobody needs experts")
        if time.monotonic() - self._looked_at < _LOOK_S:
            return False
        self._looked_at = time.monotonic()
        state, reason = self._look()
        if state != self._state:
            print(f"experts: job {self.number} of Slurm is {state} ({reason})", file=sys.stderr, flush=True)
        self._state = state
        if state in _WAITING and self._looked_at - self._began > _QUEUED_AT_MOST_S:
            _ask("scancel", self.number)
            raise ServiceError(
                f"the experts' job {self.number} of Slurm was {state} ({reason}) for {_QUEUED_AT_MOST_S / 60:.0f} "
                "minutes: they need room beside the runs (resources: experts_threads, experts_memory_mb, experts_gpus)"
            )
        return state not in _ALIVE

    def _look(self) -> tuple[str, str]:
        """Its state and the reason for it, in Slurm's words."""
        try:
            said = _ask("squeue", "--noheader", "--states=all", "--jobs", self.number, "--format", "%T|%r").strip()
        except ServiceError as error:
            # Slurm forgets jobs; that it does not answer says nothing.
            return ("GONE", "forgotten") if "Invalid job id" in str(error) else (self._state or "PENDING", str(error))
        state, _, reason = said.partition("|")
        return state or "GONE", reason


def _ask(*command: str) -> str:
    """What a command of Slurm's prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)}
    # Which Slurm it is.
    environment |= {"SLURM_CONF": os.environ["SLURM_CONF"]} if "SLURM_CONF" in os.environ else {}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise ServiceError(f"{command[0]}: {' '.join(done.stderr.split()) or f'exit status {done.returncode}'}")
    return done.stdout
