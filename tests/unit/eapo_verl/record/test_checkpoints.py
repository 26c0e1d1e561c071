"""Every state of a run's folder that a kill can leave: where the run goes on, and that verl is told the same."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eapo_verl.record import checkpoints
from eapo_verl.settings.run import RunError, RunSettings
from eapo_verl.train import begin
from tests.unit.eapo_verl.record.test_provenance import SETTINGS

LAST = checkpoints.LAST_STEP_FILE


def save(folder: Path, step: int, sealed: bool = True) -> Path:
    """A checkpoint as verl leaves it, and the name of the newest."""
    checkpoint = folder / f"global_step_{step}"
    for name in ("actor/model_world_size_1_rank_0.pt", "actor/huggingface/config.json", "data.pt"):
        (checkpoint / name).parent.mkdir(parents=True, exist_ok=True)
        (checkpoint / name).write_text(f"{name} {step}")
    if sealed:
        (folder / LAST).write_text(str(step))
        checkpoints.seal(checkpoint)
    return checkpoint


def named_but_not_sealed(folder: Path) -> None:
    save(folder, 6, sealed=False)
    (folder / LAST).write_text("6")


def only_an_empty_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    (folder / "global_step_4").mkdir(parents=True)


#: What is done to a folder with the checkpoints 2 and 4, and where the run goes on then.
STATES: dict[str, tuple[Callable[[Path], object], int]] = {
    "nothing is amiss": (lambda folder: None, 4),
    "the newest's name is empty": (lambda folder: (folder / LAST).write_text(""), 4),
    "the newest's name is none": (lambda folder: (folder / LAST).write_bytes(b"\xff4\n"), 4),
    "the newest has no name yet": (lambda folder: (folder / LAST).unlink(), 4),
    "the next one is half saved": (lambda folder: save(folder, 6, sealed=False), 4),
    "the next one has its name and no list": (named_but_not_sealed, 4),
    "a list was half written": (lambda folder: (folder / "global_step_4/.files.json.1f").write_text("{"), 4),
    "the newest is gone": (lambda folder: shutil.rmtree(folder / "global_step_4"), 2),
    "a file of the newest is gone": (lambda folder: (folder / "global_step_4/data.pt").unlink(), 2),
    "a file of the newest is cut": (lambda folder: (folder / "global_step_4/data.pt").write_text("da"), 2),
    "an older one is half removed": (lambda folder: shutil.rmtree(folder / "global_step_2/actor"), 4),
    "the newest's list is empty": (lambda folder: (folder / "global_step_4/files.json").write_text(""), 2),
    "the newest's list is none": (lambda folder: (folder / "global_step_4/files.json").write_text("[1]"), 2),
    "the newest's list is binary": (lambda folder: (folder / "global_step_4/files.json").write_bytes(b"\xff"), 2),
    "a file is called like the next one": (lambda folder: (folder / "global_step_6").touch(), 4),
    "all are gone": (lambda folder: [shutil.rmtree(path) for path in folder.glob("global_step_*")], 0),
    "all is gone but a folder": (only_an_empty_folder, 0),
}


@pytest.mark.parametrize("state", STATES)
def test_a_run_goes_on_from_the_newest_whole_checkpoint(state: str, tmp_path: Path) -> None:
    folder = tmp_path / "0"
    for step in (2, 4):
        save(folder, step)
    change, wanted = STATES[state]
    change(folder)
    for _ in range(2):
        assert checkpoints.go_on_from(folder) == wanted
        # What verl reads, and what it would stumble over.
        assert (folder / LAST).read_text() == str(wanted) if wanted else not (folder / LAST).exists()
        assert all(int(path.name.rpartition("_")[2]) <= wanted for path in folder.glob("global_step_*"))


def settings(folder: Path) -> RunSettings:
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model/weights").write_text("1")
    for name in ("train", "validation"):
        (folder / f"{name}.jsonl").write_text(name)
    files = {"policy": "model", "train_file": "train.jsonl", "validation_file": "validation.jsonl"}
    return SETTINGS.model_copy(update={key: folder / name for key, name in files.items()})


def test_a_checkpoint_belongs_to_the_contents_of_what_the_run_is_made_from(tmp_path: Path) -> None:
    run = settings(tmp_path)
    folder, step, attempts = begin(run, tmp_path / "checkpoints", "name")
    assert (step, [one["resumed_from_step"] for one in attempts]) == (0, [0])
    save(folder, 4)
    (tmp_path / "train.jsonl").touch()
    same, step, attempts = begin(run, tmp_path / "checkpoints", "name", steps_each=2)
    assert (same, step, [one["resumed_from_step"] for one in attempts]) == (folder, 2, [0, 2])
    assert all(one["git_sha"] for one in attempts)
    for changed in ("train.jsonl", "validation.jsonl", "model/weights"):
        (tmp_path / changed).write_text("other")
        other, step, attempts = begin(run, tmp_path / "checkpoints", "name")
        assert other != folder and (step, len(attempts)) == (0, 1)
    # A crash of the machine: what is not known is not made up, and no reason to stop for ever.
    (other / "attempts.json").write_text("")
    assert len(begin(run, tmp_path / "checkpoints", "name")[2]) == 1
    (tmp_path / "train.jsonl").unlink()
    with pytest.raises(RunError, match=r"^.*/train\.jsonl: cannot be read: No such file or directory$"):
        begin(run, tmp_path / "checkpoints", "name")


def test_a_removal_that_is_cut_short_leaves_nothing_to_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = settings(tmp_path)
    folder, *_ = begin(run, tmp_path / "checkpoints", "name")
    save(folder, 4)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.remove(folder)
    assert begin(run, tmp_path / "checkpoints", "name")[1] == 0
    assert list((tmp_path / "checkpoints").iterdir()) == [folder]
    checkpoints.remove(folder)
    assert not list((tmp_path / "checkpoints").iterdir())
