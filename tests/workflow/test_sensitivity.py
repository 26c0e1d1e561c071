"""Settings under which one model answers: what may differ between their arms, and what samples depend on."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.default_experiment import broken
from workflow.experiment import Experiment, load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.plan_sampling import SamplingPlan
from workflow.plan_shards import Asked, ShardPlan, experiment_sha256
from workflow.sensitivity import Setting

SHORT, LONG = {"of": "base", "system_prompt": "Be brief."}, {"of": "base", "system_prompt": "Think long."}
VARIANTS = {
    "short": SHORT | {"title": "a"},
    "short_cold": SHORT | {"title": "b", "temperature": 0.5},
    "long": LONG | {"title": "c"},
    "long_cold": LONG | {"title": "d", "temperature": 0.5},
}
WORDINGS = {"short": ["short", "short_cold"], "long": ["long", "long_cold"]}


def experiment(sensitivity: dict[str, list[str]] = WORDINGS, **variants: dict[str, Any]) -> Experiment:
    all_variants = {name: one | variants.get(name, {}) for name, one in VARIANTS.items()}
    changes = {"methods": [*VARIANTS, "self_exploratory"], "comparisons": [["short", "long"]]}
    return load_experiment(broken(variants=all_variants, sensitivity=sensitivity, **changes), "c")


def test_a_setting_is_an_arm_with_its_wording_and_its_temperature() -> None:
    assert experiment().settings_compared() == [
        Setting("short", "short", 1.0),
        Setting("short_cold", "short", 0.5),
        Setting("long", "long", 1.0),
        Setting("long_cold", "long", 0.5),
    ]


def test_its_samples_are_drawn_at_its_temperature_and_others_as_ever() -> None:
    one = experiment()
    said = {name: SamplingPlan(one).identity(name, 0) for name in one.arms}
    assert "--temperature=0.5" in said["long_cold"] and "--system-prompt=Think long." in said["long_cold"]
    others = [name for name in said if "--temperature=1.0" in said[name]]
    assert others == ["base", "short", "long", "self_exploratory"]
    assert all(sum(option.startswith("--temperature=") for option in options) == 1 for options in said.values())


def test_shards_say_them_and_are_merged_by_them() -> None:
    one = experiment()
    described = ShardPlan(one, Plan(one, "mine", Path("results/mine")), Asked()).described()
    assert described["sensitivity"][1:3] == [["short_cold", "short", "0.5"], ["long", "long", "1"]]
    assert experiment_sha256(one) != experiment_sha256(experiment({}))


@pytest.mark.parametrize(
    ("sensitivity", "variants", "said"),
    [
        (
            {"short": ["short", "magic"]},
            {},
            "sensitivity.short: 'magic' is no arm without a run; allowed are base, short,",
        ),
        ({"short": ["self_exploratory"]}, {}, "sensitivity.short: 'self_exploratory' is no arm without a run"),
        (WORDINGS, {"long": {"policy": "expert_a"}}, "sensitivity.long: long differs from short in more than"),
        (WORDINGS, {"long_cold": {"system_prompt": "Go."}}, "another system_prompt than the others of its wording"),
        ({"a": ["short"], "b": ["short"]}, {}, "sensitivity: two wordings have the same system_prompt"),
        (
            WORDINGS,
            {"long_cold": {"temperature": 0.4}},
            "same temperatures, each once (short: 1, 0.5; long: 1, 0.4)",
        ),
        (WORDINGS, {"long_cold": {"temperature": 1.0}}, "same temperatures, each once (short: 1, 0.5; long: 1, 1)"),
        ({"short": ["short"]}, {}, "sensitivity: needed are two settings at least"),
        (WORDINGS, {"long_cold": {"temperature": 0.0}}, "method long_cold: temperature: Input should be greater"),
    ],
)
def test_settings_that_tell_nothing_are_refused_in_one_line(
    sensitivity: dict[str, list[str]], variants: dict[str, dict[str, Any]], said: str
) -> None:
    with pytest.raises(ExperimentError) as caught:
        experiment(sensitivity, **variants)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_shipped_one_has_three_wordings_at_three_temperatures() -> None:
    settings = load_experiment(yaml.safe_load(Path("config/sensitivity.yaml").read_text()), "c").settings_compared()
    assert {(one.wording, one.temperature) for one in settings} == {
        (wording, temperature) for wording in ("short", "steps", "examples") for temperature in (0.2, 0.6, 1.0)
    }
