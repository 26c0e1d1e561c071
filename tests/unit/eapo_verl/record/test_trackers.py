"""Where a run is logged to: told to verl by one key, refused where nobody could log in, kept with the run."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from eapo_verl.engine.verl_config import overrides
from eapo_verl.record.trackers import check_trackers, copy_trackers, wandb_environment
from eapo_verl.settings.identity import identity
from eapo_verl.settings.run import RunError, RunSettings


def run(folder: Path, *trackers: str) -> RunSettings:
    return RunSettings(**{
        "experiment": "e", "method": "m", "kind": "rl", "seed": 1, "policy": folder / "policy",
        "train_file": "train.jsonl", "validation_file": "validation.jsonl", "consultation": {"trigger": "never"},
        "budget": {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 2, "validate_every": 1,
                   "validation_samples": 1, "checkpoint_every": 1},
        "optimiser": {"learning_rate": 1e-4}, "lengths": {"prompt": 24, "response": 32}, "config_sha256": "0" * 64,
        **({"trackers": trackers} if trackers else {}),
    })  # fmt: skip


def test_one_key_says_where_and_is_no_part_of_what_a_run_is(tmp_path: Path) -> None:
    plain, both = run(tmp_path), run(tmp_path, "tensorboard", "wandb")
    assert '++trainer.logger=["tensorboard"]' in overrides(plain, tmp_path, "gpu")
    assert '++trainer.logger=["tensorboard","wandb"]' in overrides(both, tmp_path, "gpu")
    assert identity(plain) == identity(both)
    with pytest.raises(ValidationError, match="trackers"):
        run(tmp_path, "visdom")


def test_a_run_that_nobody_is_logged_in_for_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "netrc"
    file.write_text("machine other.example login user password secret\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    check_trackers(run(tmp_path))
    asked = run(tmp_path, "wandb")
    with pytest.raises(
        RunError, match=r"^training\.trackers: wandb: neither WANDB_API_KEY nor a netrc file has a key for a"
    ):
        check_trackers(asked)
    monkeypatch.setenv("WANDB_BASE_URL", "https://other.example:8080/path")
    check_trackers(asked)
    monkeypatch.setenv("NETRC", str(tmp_path / "absent"))
    with pytest.raises(RunError, match=r"a key for other\.example; with WANDB_MODE=offline"):
        check_trackers(asked)
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_trackers(asked)


def test_a_run_that_goes_on_is_the_one_that_it_was_and_keeps_its_files(tmp_path: Path) -> None:
    assert wandb_environment(run(tmp_path, "wandb"), tmp_path) == {
        "WANDB_DIR": str(tmp_path), "WANDB_RUN_ID": "m-seed1-000000000000", "WANDB_RESUME": "allow"
    }  # fmt: skip
    (tmp_path / "a/wandb/offline-run-1").mkdir(parents=True)
    (tmp_path / "a/wandb/offline-run-1/run.wandb").write_text("kept")
    (tmp_path / "a/wandb/latest-run").symlink_to("offline-run-1")
    (tmp_path / "b").mkdir()
    copy_trackers(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b/wandb/offline-run-1/run.wandb").read_text() == "kept"
    assert [path.name for path in (tmp_path / "b").rglob("*")] == ["wandb", "offline-run-1", "run.wandb"]
