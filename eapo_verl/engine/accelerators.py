"""What a run needs of its accelerators, asked before the first of its processes is started.

Bad input is one line that names the key; nothing here computes on an accelerator.
"""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eapo_verl.engine.network import on_one_machine
from eapo_verl.settings import placement
from eapo_verl.settings.placement import Heads, Keys
from eapo_verl.settings.run import RunError, RunSettings
from eapo_verl.sft.settings import SFTSettings

#: Either is enough for transformers' ``flash_attention_2``: the package, or what fetches its kernels from the hub.
_FLASH = ("flash_attn", "kernels")


def visible() -> int:
    """How many this machine shows to this process."""
    # Here: bad input is said without it.
    import torch

    return torch.cuda.device_count()


def check_rl(settings: RunSettings, here: int, nodes: int = 1) -> None:
    """Refuse a run of reinforcement learning that its accelerators would not make.

    Args:
        settings: the run.
        here: how many this machine shows; those of a cluster of several are Ray's to count.
        nodes: machines of a job of Slurm's that the run is made on.

    Raises:
        RunError: the first thing that is in the way, by its key.
    """
    teacher = settings.teacher
    verl = settings.verl | ({str(placement.RL.nodes): nodes} if nodes > 1 else {})
    needed = placement.accelerators(placement.RL, verl)
    whose = placement.RL.gpus
    if teacher is not None:
        needed += placement.teacher_accelerators(verl)
        whose += ", and distillation.n_gpus_per_node of the teacher"
    complaints = placement.rl_complaints(
        verl,
        settings.lengths.prompt + settings.lengths.response,
        _heads(settings.policy),
        teacher is not None,
        None if teacher is None else _heads(teacher),
    )
    _check_number(placement.RL, needed, whose, here if on_one_machine(verl) and nodes < 2 else needed)
    _refuse(placement.RL, verl, complaints)


def check_sft(settings: SFTSettings, here: int) -> None:
    """As :func:`check_rl`, of supervised fine-tuning."""
    verl = settings.supervised.verl
    row = settings.lengths.prompt + settings.lengths.response
    _check_number(placement.SFT, placement.accelerators(placement.SFT, verl), placement.SFT.gpus, here)
    _refuse(placement.SFT, verl, placement.sft_complaints(verl, row, _heads(settings.policy), settings.batch))


def _heads(folder: Path) -> Heads:
    file = folder / "config.json"
    try:
        return Heads.read(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file}: the heads of its attention cannot be read: {error!r}") from error


def _check_number(keys: Keys, needed: int, whose: str, here: int) -> None:
    if needed > here:
        raise RunError(f"{keys.where}: the run needs {needed} accelerators ({whose}), and there are {here} for it here")


def _refuse(keys: Keys, verl: Mapping[str, Any], complaints: Iterable[str]) -> None:
    for complaint in complaints:
        raise RunError(f"{keys.where}: {complaint}")
    implementation = placement.attention(keys, verl)
    if placement.is_flash(implementation) and not any(map(importlib.util.find_spec, _FLASH)):
        raise RunError(
            f"{keys.where}: {keys.attention}: {implementation} needs the package flash-attn, which is not installed "
            "(make setup-flash-attn); sdpa is torch's own, slower on long rows"
        )
