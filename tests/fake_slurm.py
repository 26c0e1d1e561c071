#!/usr/bin/env python
"""Stands in for Slurm's commands where a test is about who submits what: by whichever of their names it is called.

A job is a process in a session of its own. The folder that ``FAKE_SLURM`` names decides: ``full`` in it keeps jobs from
beginning. ``submitted`` there has a line of JSON for each job: its options and the environment that it is given.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("FAKE_SLURM", os.devnull))
FLAGS = ("parsable", "noheader", "no-requeue", "exclusive")
#: The number of the job in which runs are.
RUN = "1"


def sbatch(options: dict[str, str]) -> str:
    """Submit ``--wrap``; a job that waits is the shell that waits."""
    with (FOLDER / "submitted").open("a") as submitted:
        print(json.dumps({"options": options, "environment": dict(os.environ)}), file=submitted)
    waiting = f"while [ -e {FOLDER}/full ]; do sleep 0.05; done; "
    with open(options["output"], "a") as output:
        command = ["sh", "-c", waiting + options["wrap"]]
        job = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    return str(job.pid)


def squeue(options: dict[str, str]) -> str:
    """The state of a job, or whose a run is."""
    if options["jobs"] == RUN:
        said = {"%a": "lab", "%P": "gpu", "%l": "1-00:00:00", "%q": "long", "%v": "(null)", "%f": "a100|h100"}
        return re.sub("%.", lambda letter: said[letter[0]], options["format"])
    stat = Path(f"/proc/{options['jobs']}/stat")
    if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX":
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    return "PENDING|Resources" if (FOLDER / "full").exists() else "RUNNING|None"


if __name__ == "__main__":
    words = iter(sys.argv[1:])
    given = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        given[name] = value if equals or name in FLAGS else next(words, "")
    match Path(sys.argv[0]).name:
        case "sbatch":
            print(sbatch(given))
        case "squeue":
            print(squeue(given))
        case "scancel":
            os.killpg(int(sys.argv[1]), signal.SIGTERM)
