"""What attempts at a run have left in its folder, whatever they were killed in: checkpoints, and what made them.

verl names its newest checkpoint in a file, which a kill can leave empty, or leave there when the checkpoint is gone. So
each checkpoint gets a list of its files, written last: one is whole, and can be gone on from, where all of them are
there as long as they were.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eapo_verl.record.costs import count_parameters
from eapo_verl.record.files import write_whole
from eapo_verl.record.provenance import git_sha

#: verl's, in a folder of checkpoints: the number of the newest.
LAST_STEP_FILE = "latest_checkpointed_iteration.txt"
#: In a checkpoint: its files and their sizes in bytes.
FILES_FILE = "files.json"
#: Bytes a parameter in a checkpoint: of weights in float32, and with Adam's two moments of each.
WEIGHT_BYTES, FULL_BYTES = 4, 12
_ATTEMPTS_FILE = "attempts.json"
_STEP = re.compile(r"global_step_(\d+)")
_REMOVED = ".removed"


def checkpoint_bytes(policy: Path, trained: object) -> int:
    """The least that a checkpoint takes; 0 where the model in ``policy`` is not there yet, or says no size.

    ``trained`` is an arm, or a run's settings: with adapters (LoRA), most weights have no moments.
    """
    supervised = getattr(trained, "supervised", None)
    each = WEIGHT_BYTES if getattr(supervised, "lora", None) is not None else FULL_BYTES
    return each * (count_parameters(policy) or 0)


def seal(checkpoint: Path) -> None:
    """Write down what a checkpoint, of which all is there, consists of."""
    files = {str(path.relative_to(checkpoint)): path.stat().st_size for path in _files(checkpoint)}
    write_whole(checkpoint / FILES_FILE, json.dumps(files))


def go_on_from(folder: Path) -> int:
    """The step of the newest whole checkpoint of a folder, 0 if there is none; verl will go on from it, too.

    Later ones, which are not whole, are removed.
    """
    steps = {int(match[1]): path for path in folder.iterdir() if (match := _STEP.fullmatch(path.name))}
    newest = max((step for step, path in steps.items() if _is_whole(path)), default=0)
    for step, path in steps.items():
        if step > newest:
            _remove(path)
    if newest:
        write_whole(folder / LAST_STEP_FILE, str(newest))
    else:
        (folder / LAST_STEP_FILE).unlink(missing_ok=True)
    return newest


def note_attempt(folder: Path, resumed_from: int) -> list[dict[str, Any]]:
    """Note that an attempt begins after step ``resumed_from``, and at which commit.

    Returns:
        all attempts up to now, this one last: ``git_sha`` and ``resumed_from_step`` of each.
    """
    path = folder / _ATTEMPTS_FILE
    try:
        attempts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    except ValueError:
        print(f"progress: {path} cannot be read: earlier attempts are not known", flush=True)
        attempts = []
    attempts.append({"git_sha": git_sha(), "resumed_from_step": resumed_from})
    write_whole(path, json.dumps(attempts))
    return attempts


def remove(folder: Path) -> None:
    """Remove a run's folder, and what a removal that was cut short has left beside it.

    Under another name: half a folder would be taken for one to go on from.
    """
    folder.rename(folder.with_name(folder.name + _REMOVED))
    clear_removed(folder.parent)


def clear_removed(parent: Path) -> None:
    """Finish removals of folders in ``parent`` that were cut short."""
    for path in parent.glob(f"*{_REMOVED}"):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _is_whole(checkpoint: Path) -> bool:
    try:
        listed = json.loads((checkpoint / FILES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # A crash of the machine, or a full disk, leaves more than a kill does.
        return False
    files = listed.items() if isinstance(listed, dict) else [(FILES_FILE, None)]
    return all((file := checkpoint / name).is_file() and file.stat().st_size == size for name, size in files)


def _files(checkpoint: Path) -> Iterator[Path]:
    return (path for path in checkpoint.rglob("*") if path.is_file() and path.name != FILES_FILE)
