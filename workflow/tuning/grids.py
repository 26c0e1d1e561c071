"""An arm's grid, ``baselines/<arm>/grid.yaml``: a list of trials, each the keys that it replaces as in ``method.yaml``.

The first is ``{}``, the arm as it is. In place of a number ``{times: 0.5}`` stands for so many times the arm's present
one, so that a grid fits every experiment.
"""

from pathlib import Path
from typing import Any

from eapo_verl.settings.errors import one_line
from workflow.documents import read_document
from workflow.methods import ExperimentError, Variant, leaves

FILE = "grid.yaml"
#: What no trial may replace: what an arm is and is called, what all arms share, and by what a trial is measured.
FIXED = (
    *Variant.model_fields,
    "policy",
    "system_prompt",
    "chat_template_kwargs",
    "experts",
    "teacher",
    "start_from",
    "match",
    "training.budget",
    "training.lengths",
    "training.optimiser.temperature",
)
#: Significant digits of a product: 3e-4 times 3 is 9e-4.
_DIGITS = 12


def read_grid(path: Path, trials: int, present: dict[str, Any]) -> list[dict[str, Any]]:
    """What each trial of a grid replaces, products multiplied out.

    Args:
        path: the file.
        trials: how many there have to be.
        present: the arm's values, in JSON's types.

    Raises:
        ExperimentError: it is no grid, or not of that many trials; the message is one line.
    """
    where = f"baselines/{path.parent.name}/{path.name}"
    try:
        grid = read_document(path)
    except FileNotFoundError as error:
        said = f"{where} is missing: every trained arm is tuned, by a grid of {trials} trials (tuning.trials)"
        raise ExperimentError(said) from error
    except (OSError, ValueError) as error:
        raise ExperimentError(one_line(f"{where}: cannot be read", error)) from error
    if not isinstance(grid, list) or not all(isinstance(trial, dict) for trial in grid):
        raise ExperimentError(f"{where}: needed is a list of trials, a mapping each")
    if len(grid) != trials:
        raise ExperimentError(f"{where}: {len(grid)} trials; every arm has {trials} (tuning.trials)")
    if grid[0]:
        raise ExperimentError(f"{where}: trial 1: it has to be {{}}, the arm as it is")
    resolved: list[dict[str, Any]] = []
    for number, trial in enumerate(grid, 1):
        try:
            for key, _ in leaves(trial):
                if any(f"{key}.".startswith(f"{fixed}.") for fixed in FIXED):
                    raise ValueError(f"{key}: no trial may replace it; fixed are {', '.join(FIXED)}")
            changes = _multiplied(trial, present, "")
        except ValueError as error:
            raise ExperimentError(f"{where}: trial {number}: {error}") from error
        if changes in resolved:
            raise ExperimentError(f"{where}: trial {number} is trial {resolved.index(changes) + 1} again")
        resolved.append(changes)
    return resolved


def _multiplied(value: Any, present: Any, key: str) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"times"}:
        for number, what in ((present, "the arm's value"), (value["times"], "times")):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"{key}: {what} is {number!r}, which is no number")
        return float(f"{present * value['times']:.{_DIGITS}g}")
    inner = present if isinstance(present, dict) else {}
    return {name: _multiplied(one, inner.get(name), f"{key}.{name}".lstrip(".")) for name, one in value.items()}
