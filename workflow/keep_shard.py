"""Put what was made of a shard of an experiment into one small folder, which can be copied away and merged with others.

``python -m workflow.keep_shard --results DIR --described JSON --out DIR``. Neither models nor samples are in it. Beside
the files, ``shard.json`` says what the shard holds, what it was made with and how long that took, with a digest of each
file; it is written last.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eapo_verl.record.files import write_whole
from eapo_verl.record.provenance import commits, different
from workflow.command import Parser, run_command
from workflow.plan_shards import shard_files


def keep(results: Path, described: dict[str, Any], out: Path) -> None:
    """Copy a shard's files and write its ``shard.json``.

    Args:
        results: the experiment's results folder, in which all of the files are there.
        described: what :meth:`workflow.plan_shards.ShardPlan.described` says.
        out: its folder.
    """
    digests = {}
    for name in shard_files(described):
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(results / name, target)
        digests[name] = hashlib.sha256(target.read_bytes()).hexdigest()
    runs = [_read(out / name) for name in digests if name.endswith("/run.json")]
    drawn = [_read(out / name) for name in digests if name.endswith(".provenance.json")]
    facts = described | {
        "git_sha": commits((*runs, *drawn)),
        "hardware": different([one["hardware"] for one in (*runs, *drawn)]),
        "precision": different(
            [one["precision"] for one in runs] + [(one["precision"] or {}).get("effective") for one in drawn]
        ),
        "wall_s": {"training": round(sum(one["wall_s"] for one in runs), 1), "sampling": _sampling_s(drawn)},
        "files": digests,
    }
    write_whole(out / "shard.json", json.dumps(facts, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _sampling_s(drawn: Sequence[dict[str, Any]]) -> float:
    """Seconds of the engines that drew these benchmarks; those of a model that were drawn together count once."""
    engines = {
        (one["model_sha256"], one["startup_s"], one["generation_s"]): one["startup_s"] + one["generation_s"]
        for one in drawn
    }
    return round(sum(engines.values()), 1)


def main(arguments: Sequence[str]) -> None:
    """Runs the command line."""
    parser = Parser("workflow.keep_shard", __doc__)
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="the experiment's results folder")
    parser.add_argument("--described", type=json.loads, required=True, metavar="JSON", help="what the shard is")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the shard's folder")
    options = parser.parse_args(arguments)
    keep(options.results, options.described, options.out)


if __name__ == "__main__":
    sys.exit(run_command("shard", main))
