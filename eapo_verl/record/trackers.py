"""Where a run is watched while it is made: Weights & Biases beside TensorBoard, both fed by verl."""

import netrc
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from eapo_verl.settings.run import AnyRun, RunError, Training

#: The folders of what they keep on this machine, in that of the checkpoints and then in the run's.
_FOLDERS = ("tensorboard", "wandb")
_HOST = "https://api.wandb.ai"
_OFFLINE = ("offline", "disabled", "dryrun")


def check_trackers(run: Training) -> None:
    """Refuse to start a run, or an experiment's runs, that W&B would not take.

    Raises:
        RunError: nothing says who logs in.
    """
    if "wandb" not in run.trackers or os.environ.get("WANDB_MODE") in _OFFLINE:
        return
    if any(os.environ.get(name) for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")):
        return
    host = urlsplit(os.environ.get("WANDB_BASE_URL", _HOST)).hostname
    try:
        known = netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        known = {}
    if host not in known:
        raise RunError(
            f"training.trackers: wandb: neither WANDB_API_KEY nor a netrc file has a key for {host}; with "
            "WANDB_MODE=offline the run keeps what `wandb sync` sends later"
        )


def wandb_environment(run: AnyRun, folder: Path) -> dict[str, str]:
    """Variables by which W&B keeps its files in ``folder``, and takes a run that goes on for the one that it was."""
    return {
        "WANDB_DIR": str(folder),
        "WANDB_RUN_ID": f"{run.method}-seed{run.seed}-{run.config_sha256[:12]}",
        "WANDB_RESUME": "allow",
    }


def copy_trackers(folder: Path, run_dir: Path) -> None:
    """Copy what trackers have kept in ``folder``, as far as there is any, beside a run's own files."""
    for name in _FOLDERS:
        if (folder / name).exists():
            shutil.copytree(folder / name, run_dir / name, dirs_exist_ok=True, ignore=_links)


def _links(folder: str, names: list[str]) -> list[str]:
    """W&B's, to its newest run: followed, that would be there twice."""
    return [name for name in names if (Path(folder) / name).is_symlink()]
