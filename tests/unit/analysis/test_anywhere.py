"""The analysis works where there are neither engines nor what only Linux has: hidden here, of a real interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests import ROOT
from tests.harness_files import lines

#: Found by every interpreter that the test starts, before anything else runs.
_HIDE = """
import os, signal, sys

HIDDEN = {hidden!r}

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hide())
for name in HIDDEN:
    sys.modules.pop(name, None)
for module, names in ((os, {os_names!r}), (signal, {signal_names!r})):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""
LINUX = ("resource", "fcntl", "termios", "pwd", "grp", "pty", "tty", "syslog", "crypt", "spwd", "nis", "readline")
ENGINES = ("torch", "vllm", "verl", "ray", "lm_eval", "transformers", "datasets", "snakemake", "omegaconf", "pydantic")
OURS = ("eapo_verl", "workflow", "baselines")
OS_NAMES = (
    "fork",
    "forkpty",
    "setsid",
    "getpgid",
    "killpg",
    "geteuid",
    "getuid",
    "sched_getaffinity",
    "mkfifo",
)
SIGNAL_NAMES = ("setitimer", "getitimer", "alarm", "SIGPROF", "SIGALRM", "SIGHUP", "pthread_sigmask")


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The environment of an interpreter without all of that, and with an output that is not UTF-8."""
    (tmp_path / "site").mkdir()
    text = _HIDE.format(hidden=(*LINUX, *ENGINES, *OURS), os_names=OS_NAMES, signal_names=SIGNAL_NAMES)
    (tmp_path / "site" / "sitecustomize.py").write_text(text)
    path = os.pathsep.join([str(tmp_path / "site"), str(ROOT)])
    return os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "cp1252"}


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, timeout=300, cwd=ROOT)


def test_every_module_can_be_imported(elsewhere: dict[str, str]) -> None:
    program = (
        "import importlib, pkgutil, analysis, tasks\n"
        "found = [one.name for package in (analysis, tasks)\n"
        "         for one in pkgutil.walk_packages(package.__path__, package.__name__ + '.')]\n"
        "for name in found: importlib.import_module(name)\n"
        "try: import resource\n"
        "except ModuleNotFoundError: print(len(found))"
    )
    done = python(elsewhere, "-c", program)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60


def test_samples_are_compared_and_the_second_scorer_is_ended_by_the_clock(
    elsewhere: dict[str, str], tmp_path: Path
) -> None:
    for name, right in (("a", 6), ("b", 1)):
        rows = [
            {"question_id": number, "answer": number, "response": f"\\boxed{{{number if number < right else 99}}}"}
            for number in range(6)
        ]
        # Math-Verify would be busy with it for ever, in one call that nothing interrupts.
        rows[5]["response"] = "\\boxed{(10^{99})!}"
        lines(tmp_path / name / "x.jsonl", rows)
    command = ["-m", "analysis", "compare", str(tmp_path / "a"), str(tmp_path / "b"), "--workers", "1"]
    done = python(elsewhere, *command, "--out-dir", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode("cp1252")
    assert "Yes: a scored 66.7 points above b" in printed or "a minus b is +66.7 points" in printed
    assert "The second scorer gave up 1 responses" in printed
    # A minus that the encoding does not have.
    assert "a \\u2212 b" in printed
    assert pd.read_csv(tmp_path / "out/main.csv")["disagreement_rate"].eq(0).all()
    assert b"\r" not in (tmp_path / "out/significance.csv").read_bytes()
