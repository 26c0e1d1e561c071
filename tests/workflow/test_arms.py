"""Arms of an experiment: what each changes in it, and that it says so; models that are scored without a run."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from baselines.kinds import kinds
from tests.default_experiment import DEFAULT, REMOTE, WITH_LARGE, plan, run
from workflow.methods import ExperimentError, methods


def test_methods_differ_in_their_own_parts_alone() -> None:
    parts = {"consultation", "reward", "internalization"}
    theirs = run("self_exploratory")
    for name in ("eapo", "eapo_paper"):
        ours = run(name)
        differing = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
        assert differing <= {"method", "experts", "served", "departures", "config_sha256", *parts}
        assert {key.partition(".")[0] for key in ours["departures"]} <= parts
    assert all(method.differences for method in methods().values())


def test_both_forms_of_eapo_are_what_they_are_called() -> None:
    whole, paper = run("eapo"), run("eapo_paper")
    assert whole["consultation"]["trigger"] == "confidence_gated"
    assert whole["reward"]["bonus"]["peak"] > 0 < whole["reward"]["cost"]["peak"]
    assert whole["internalization"]["weight"]["peak"] > 0
    assert paper["consultation"]["trigger"] == "learned" and paper["reward"]["answer"] == "f1_paper"
    assert paper["reward"]["bonus"]["peak"] == paper["internalization"]["weight"]["peak"] == 0
    for one in (whole, paper):
        assert one["consultation"]["acceptance"]["kind"] == "reciprocal"
        assert one["consultation"]["turns"]["train"] > one["consultation"]["turns"]["evaluation"] == 0


def test_a_run_reads_the_numbers_that_the_experiment_has() -> None:
    verl = {"actor_rollout_ref.actor.optim.num_cycles": 1e-8}
    assert run("eapo", training__verl=verl, system_prompt='a\n\n"b": 1e-8\n')["verl"] == verl


def test_a_variant_changes_what_it_names_at_any_depth() -> None:
    variants = {"ungated": {"of": "eapo", "consultation": {"trigger": "learned", "confidence": {"window": 4}}}}
    changed = {"variants": variants, "methods": ["eapo", "ungated"], "comparisons": [["eapo", "ungated"]]}
    one, full = run("ungated", **changed), run("eapo")
    assert one["consultation"].pop("trigger") == "learned" != full["consultation"].pop("trigger")
    assert one["consultation"]["confidence"].pop("window") == 4 != full["consultation"]["confidence"].pop("window")
    for part in ("consultation", "reward", "internalization", "experts", "budget"):
        assert one[part] == full[part]


def test_an_arm_may_have_another_policy_budget_and_experts_and_its_run_says_so() -> None:
    settings = run("large", **WITH_LARGE)
    assert settings["policy"] == "results/default/models/other"
    assert [expert["name"] for expert in settings["experts"]] == ["expert_b"]
    assert (settings["system_prompt"], settings["budget"]["steps"]) == ("Think.", 48)
    assert settings["budget"]["prompts_per_step"] == DEFAULT["training"]["budget"]["prompts_per_step"]
    own = {key: value for key, value in settings["departures"].items() if key not in run("eapo")["departures"]}
    assert own == {
        "consultation.tags.consult_open": {"experiment": "<consult>", "arm": "<ask>"},
        "experts": {"experiment": ["expert_a", "expert_b"], "arm": ["expert_b"]},
        "policy": {"experiment": "policy", "arm": "other"},
        "system_prompt": {"experiment": None, "arm": "Think."},
        "training.budget.steps": {"experiment": 24, "arm": 48},
        "training.lengths.response": {"experiment": 160, "arm": 200},
        "training.optimiser.learning_rate": {"experiment": 3e-4, "arm": 1e-5},
        "training.optimiser.overlong.buffer": {"experiment": None, "arm": 0.5},
        "training.optimiser.overlong.penalty": {"experiment": None, "arm": 1.0},
    }
    assert "training.budget.steps" not in run("eapo", **WITH_LARGE)["departures"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"training": {"budget": {"steps": 9}}},
            "training.budget: arms share it, so differences has to name it, as `training.budget`",
        ),
        ({"policy": "other"}, "policy: arms share it"),
        ({"system_prompt": "Think."}, "system_prompt: arms share it"),
        ({"kind": "magic"}, f"kind: 'magic' is unknown; allowed are {', '.join(sorted(kinds()))}"),
        ({"spends": ["luck"]}, "spends.0: Input should be 'expert_tokens', 'evaluation_expert_tokens', 'prompts',"),
        ({"look": {"colour": "red", "marker": "o"}}, "look.colour: String should match pattern"),
        ({"look": {"colour": "#00ff00", "marker": "smile"}}, "look.marker: Input should be"),
        ({"title": ""}, "title: String should have at least 1 character"),
        (
            {"colour": "red"},
            "colour: no key of a method of kind rl, which has policy, system_prompt, chat_template_kwargs,",
        ),
        ({"differences": ""}, "differences: String should have at least 1 character"),
    ],
)
def test_a_method_s_file_declares_what_it_departs_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "method.yaml"
    monkeypatch.setattr("workflow.methods.METHODS", tmp_path)
    file.write_text(yaml.safe_dump({"kind": "rl", "differences": "The policy's budget."} | changes))
    with pytest.raises(ExperimentError) as caught:
        methods.__wrapped__()
    assert str(caught.value).startswith(f"baselines/mine/method.yaml: {said}") and "\n" not in str(caught.value)
    declared = {"differences": "`training.budget`: 9 steps.", "training": {"budget": {}}}
    file.write_text(yaml.safe_dump({"kind": "rl"} | declared))
    assert methods.__wrapped__()["mine"].changes == {"training": {"budget": {}}}


def test_the_untrained_policy_is_scored_once_unless_the_experiment_says_otherwise() -> None:
    assert plan().cells[:2] == [("base", 0), ("self_exploratory", 1)]
    assert plan().scored_model("base", 0) == plan().model("policy")
    assert plan(methods=["self_exploratory", "eapo", "eapo_paper", "base"]).cells.count(("base", 0)) == 1
    alone = plan(references=[], comparisons=[["eapo", "self_exploratory"]])
    assert "base" not in dict(alone.cells)


def test_another_untrained_model_is_a_variant() -> None:
    one = plan(variants={"other": {"of": "base", "policy": "expert_a"}}, references=["base", "other"])
    assert one.cells[:2] == [("base", 0), ("other", 0)]
    assert one.scored_model("other", 0) == one.model("expert_a")


def test_an_expert_alone_is_the_model_that_it_is_served_from() -> None:
    second = {"expert_second": {"of": "expert", "policy": {"expert": 2}}}
    one = plan(references=["base", "expert", "expert_second"], variants=second)
    assert one.cells[:3] == [("base", 0), ("expert", 0), ("expert_second", 0)]
    assert one.scored_model("expert", 0) == one.model("expert_a")
    assert one.scored_model("expert_second", 0) == one.model("expert_b")
    # By the model's name, whatever the expert's.
    renamed = [{**DEFAULT["experts"][0], "name": "wise"}, REMOTE]
    assert plan(references=["expert"], experts=renamed, comparisons=[["eapo", "expert"]]).policy("expert", 0) == Path(
        "results/default/models/expert_a"
    )


@pytest.mark.parametrize("number", [0, 2, 3, "first", True])
def test_an_expert_that_has_no_model_here_cannot_be_scored(number: Any) -> None:
    changes = {"variants": {"mine": {"of": "expert", "policy": {"expert": number}}}, "references": ["base", "mine"]}
    with pytest.raises(ExperimentError, match=f"method mine: policy: expert {number!r} is not one of the experiment's"):
        plan(experts=[DEFAULT["experts"][0], REMOTE], **changes)
