"""The default experiment with changes, as tests of the workflow ask for it."""

import copy
from pathlib import Path
from typing import Any

import yaml

from workflow.experiment import load_experiment
from workflow.plan import Plan

REMOTE = {"name": "far", "base_url": "http://host/v1", "model": "m"}
#: config/default.yaml with the arms that roll out with RL, whatever rivals it has beside them.
DEFAULT: dict[str, Any] = yaml.safe_load(Path("config/default.yaml").read_text()) | {
    "methods": ["self_exploratory", "eapo", "eapo_paper"],
    "references": ["base"],
    "variants": {},
    "comparisons": [["eapo", "self_exploratory"], ["eapo", "base"], ["eapo_paper", "self_exploratory"]],
}


def broken(**changes: Any) -> dict[str, Any]:
    """The default experiment with dotted keys replaced; None as a value removes the key."""
    config = copy.deepcopy(DEFAULT)
    for key, value in changes.items():
        *path, last = key.split("__")
        node = config
        for part in path:
            node = node[int(part)] if part.isdigit() else node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return config


def plan(**changes: Any) -> Plan:
    """The plan of the default experiment with changes."""
    return Plan(load_experiment(broken(**changes), "c"), "default", Path("results/default"))


def run(method: str, **changes: Any) -> dict[str, Any]:
    """The settings of a run of the default experiment with changes."""
    plan = Plan(load_experiment(broken(**changes), "c"), "default", Path("results/default"))
    return yaml.safe_load(plan.settings(method, 1))


#: An arm with more of everything that arms share; declared by the experiment that it is a variant of.
LARGE = {
    "of": "eapo", "spends": ["expert_tokens", "trained_tokens", "prompts", "rollouts", "optimiser_steps"],
    "policy": "other", "experts": ["expert_b"], "consultation": {"tags": {"consult_open": "<ask>"}},
    "system_prompt": "Think.", "training": {"budget": {"steps": 48}, "optimiser": {"learning_rate": 1e-5,
                 "overlong": {"buffer": 0.5}}, "lengths": {"response": 200}},
}  # fmt: skip
WITH_LARGE: dict[str, Any] = {
    "variants": {"large": LARGE}, "methods": ["self_exploratory", "eapo", "large"],
    "comparisons": [["large", "eapo"]],
    "models": {**DEFAULT["models"], "other": {"source": "embedded", "role": "policy", "seed": 2}},
}  # fmt: skip
