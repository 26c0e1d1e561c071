"""Problems of a hub's data set at a pinned commit, in the workflow's form.

    python -m workflow.sources.hub_problems --repo OWNER/NAME --revision COMMIT --split train --task integers \\
        --select '{"deduplicate": true}' --out FILE.jsonl

The split's files are those that the data set's card names for it or, where it names none, those that are called after
it; all of them are .parquet, .jsonl, .json or .csv. ``FILE.source.json`` beside the problems says where they are
from, which licence they have, the digest of each file, and how many rows were left out for which reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

import tasks
from eapo_verl.record.provenance import problems_source
from workflow.sources.command import SourceError, run, source_parser, write_json, write_jsonl
from workflow.sources.problems import FORMATS, as_row, iterate_rows, parse
from workflow.sources.repository import Repository
from workflow.sources.selection import Selection, read_selection, said, select

DEFAULT_CONFIG = "default"
# What `datasets` takes for other names of these splits (its `data_files.py`).
_OTHER_NAMES = {
    "train": ("training",),
    "validation": ("valid", "dev", "val"),
    "test": ("testing", "eval", "evaluation"),
}


def split_files(repository: Repository, config: str, split: str) -> list[str]:
    """The names of a split's files. Raises SourceError, within seconds: there are none, or of no form that is read."""
    listed = [name for name in repository.files() if not Path(name).name.startswith("dataset_info")]
    found = [name for name in listed if Path(name).suffix.lower() in FORMATS]
    patterns = _patterns(repository.card(), config, split, repository.label)
    if patterns is None:
        words = "|".join((split, *_OTHER_NAMES.get(split, ())))
        called = [name for name in found if re.search(rf"(?<![a-z0-9])({words})(?![a-z0-9])", name.lower())]
        # As `datasets` does: where no file is called after a split, all are training data.
        named = any(_is_called_after_a_split(name) for name in found)
        files = called or (found if split == "train" and not named else [])
    else:
        files = [name for name in found if any(fnmatch(name, pattern.removeprefix("./")) for pattern in patterns)]
    if not files:
        raise SourceError(
            f"{repository.label}: no file of the split {split!r} (config {config!r}) that is "
            f"{', '.join(FORMATS)}; it has {', '.join(sorted(found)[:8]) or 'none of these'}"
        )
    return sorted(files)


def _is_called_after_a_split(name: str) -> bool:
    words = "|".join(chain(_OTHER_NAMES, *_OTHER_NAMES.values()))
    return re.search(rf"(?<![a-z0-9])({words})(?![a-z0-9])", name.lower()) is not None


def _patterns(card: Mapping[str, Any], config: str, split: str, label: str) -> list[str] | None:
    """What the card says of a split's files; None where it says nothing of files."""
    configs = [one for one in card.get("configs") or () if isinstance(one, dict) and "data_files" in one]
    if not configs:
        return None
    names = [str(one.get("config_name", DEFAULT_CONFIG)) for one in configs]
    if config not in names:
        raise SourceError(f"{label}: it has no config {config!r}; allowed are {', '.join(names)}")
    one = configs[names.index(config)]
    files, folder = one["data_files"], one.get("data_dir")
    if isinstance(files, str) or all(isinstance(each, str) for each in files):
        files = [{"split": "train", "path": files}]
    paths = {
        str(each["split"]): each["path"] for each in files if isinstance(each, dict) and {"split", "path"} <= {*each}
    }
    if split not in paths:
        raise SourceError(f"{label}: config {config!r} has no split {split!r}; allowed are {', '.join(paths)}")
    listed = [paths[split]] if isinstance(paths[split], str) else paths[split]
    return [f"{folder}/{path}" if folder else str(path) for path in listed]


def prepare(
    repository: Repository,
    config: str,
    split: str,
    selection: Selection,
    task: str,
    out: Path,
    instruction: str | None = None,
) -> str:
    """Writes the problems that are taken to `out`, and what is known of them beside it; returns the log line.

    `instruction` stands in place of the task's own. Raises SourceError; `out` is as it was.
    """
    fetched = repository.fetch(split_files(repository, config, split))
    rows = chain.from_iterable(iterate_rows(fetched.folder / name) for name in fetched.sha256)
    taken, left_out = select(rows, selection, task)
    problems = parse(taken, f"{repository.label} {split}", task, prove=True)
    write_jsonl(out, [as_row(problem, instruction) for problem in problems])
    source = repository.provenance(fetched) | {"split": split, "problems": len(problems), "left_out": left_out}
    write_json(problems_source(out), source)
    return f"{out.stem}: {len(problems)} problems of {repository.label}, {split}; of its rows {said(left_out)}"


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("hub_problems", __doc__)
    parser.add_argument("--repo", required=True, metavar="OWNER/NAME")
    parser.add_argument("--revision", required=True, metavar="COMMIT")
    parser.add_argument("--config", default=DEFAULT_CONFIG, metavar="NAME")
    parser.add_argument("--split", default="train", metavar="NAME")
    parser.add_argument("--select", default="{}", metavar="JSON", help="workflow.sources.selection.Selection")
    parser.add_argument("--task", default=tasks.DEFAULT, choices=tasks.names())
    parser.add_argument("--instruction", metavar="TEXT", help="in place of the task's own")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    options = parser.parse_args(arguments)
    repository = Repository("dataset", options.repo, options.revision)
    selection = read_selection(options.select)
    where = repository, options.config, options.split
    return prepare(*where, selection, options.task, options.out, options.instruction)


if __name__ == "__main__":
    raise SystemExit(run(command))
