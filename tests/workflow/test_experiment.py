"""The experiment's schema: what ships is valid, and what is broken is said in one line."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from baselines.arm import Arm, Needs
from baselines.kinds import kinds
from eapo_verl.settings.base import Name
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError, Method, methods
from workflow.plan import Plan

CONFIGS = sorted(Path("config").glob("*.yaml"))
DEFAULT = yaml.safe_load(Path("config/default.yaml").read_text())


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


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    load_experiment(yaml.safe_load(path.read_text()), str(path))


BROKEN = {
    "unknown key": (broken(sedes=[1]), "sedes"),
    "unknown nested key": (broken(training__budget__stepz=3), "training.budget.stepz"),
    "wrong type": (broken(training__budget__steps="many"), "training.budget.steps"),
    "unknown method": (broken(methods=["self_exploratory", "magic"]), "'magic' is unknown; allowed are base, "),
    "no seeds": (broken(seeds=[]), "seeds"),
    "seed twice": (broken(seeds=[1, 1]), "seeds"),
    "expert without base_url": (broken(experts=[{"name": "far", "model": "m"}]), "base_url"),
    "expert without model": (broken(experts=[{"name": "far", "base_url": "http://h/v1"}]), "model"),
    "expert with a strange url": (broken(experts=[{"name": "far", "base_url": "h", "model": "m"}]), "base_url"),
    "no expert": (broken(experts=[]), "experts"),
    "K below 1": (broken(consultation__max_queries=0), "consultation.max_queries"),
    "k above samples": (broken(evaluation__k=33), "k (33) cannot be larger than samples (32)"),
    "missing benchmark file": (broken(benchmarks={"aime_2024": {"source": "public", "path": "no.jsonl"}}), "no.jsonl"),
    "unknown acceptance": (broken(consultation__acceptance={"kind": "sudden"}), "consultation.acceptance.kind"),
    "unknown policy": (broken(policy="gpt"), "policy"),
    "uneven mini-batches": (broken(training__budget__mini_batches=5), "mini_batches"),
    "comparison with a stranger": (broken(comparisons=[["eapo", "magic"]]), "comparisons"),
    "comparison with itself": (broken(comparisons=[["eapo", "eapo"]]), "comparisons: 'eapo' against 'eapo'"),
    "comparison twice": (
        broken(comparisons=[["eapo", "base"], ["base", "eapo"]]), "comparisons: 'base' against 'eapo': each is of two"
    ),
    "ablation twice": (
        broken(ablations=[["a", "eapo", "base"], ["b", "eapo", "base"]]), "ablations: 'eapo' against 'base'"
    ),
    "not a mapping": (["methods"], "Input should be a valid dictionary"),
    "a truth for a number": (broken(training__budget__steps=True), "training.budget: steps is a number, got true"),
    "no finite number": (
        broken(training__optimiser__learning_rate=float("inf")), "training.optimiser.learning_rate: Input should be"
    ),
    "text of two lines": (broken(train__source="em\nbedded"), "train: Input tag 'em bedded' found"),
    "folder for a file": (
        broken(benchmarks={"mine": {"source": "local", "path": "docs"}}), "benchmarks.mine.path: docs is no file"
    ),
    "variant that nobody uses": (
        broken(variants={"mine": {"of": "eapo", "reward": {"bonsu": 1}}}), "method mine: reward.bonsu: Extra inputs"
    ),
    "variant of a stranger": (broken(variants={"mine": {"of": "magic"}}), "variants.mine.of: 'magic' is unknown"),
    "variant with an unknown key": (
        broken(variants={"mine": {"of": "eapo", "reward": {"bonsu": 1}}}, methods=["mine"],
               comparisons=[["mine", "base"]]),
        "method mine: reward.bonsu: Extra inputs are not permitted",
    ),
    "variant with a key that its kind has not": (
        broken(variants={"mine": {"of": "base", "reward": {}}}, methods=["mine"]),
        "variants.mine: reward: no key of a method of kind untrained, which has policy, system_prompt, consultation",
    ),
    "variant of another kind": (
        broken(variants={"mine": {"of": "eapo", "kind": "untrained"}}, methods=["mine"]),
        "variants.mine: kind: no key of a method of kind rl",
    ),
    "variant with a strange policy": (
        broken(variants={"mine": {"of": "eapo", "policy": "gpt"}}, methods=["self_exploratory", "eapo", "mine"],
               comparisons=[["mine", "base"]]),
        "method mine: policy: 'gpt' is not one of models",
    ),
    "variant with a strange expert": (
        broken(variants={"mine": {"of": "eapo", "experts": ["gpt"]}}, methods=["self_exploratory", "eapo", "mine"],
               comparisons=[["mine", "base"]]),
        "method mine: experts: 'gpt' is not one of the experiment's (expert_a, expert_b)",
    ),
    "reference that is unknown": (broken(references=["magic"]), "references: 'magic' is unknown"),
    "comparison with what is not scored": (broken(references=[]), "comparisons: 'base' is none of the arms"),
    "bonus and cost beyond the answer": (broken(reward__bonus={"peak": 1.0}, methods=["self_exploratory"],
                                                comparisons=[["self_exploratory", "base"]]), "add up to 1 or more"),
    "unknown reward": (broken(reward__answer="bleu"), "allowed are exact, f1_paper"),
    "ablation with a stranger": (broken(ablations=[["gate", "eapo", "magic"]]), "ablations"),
    "tags alike": (broken(consultation__tags={"consult_open": "<reply>"}), "told apart"),
    "turns that grow": (broken(consultation__turns={"train": 1, "evaluation": 2}), "consultation.turns"),
    "no budget": (broken(training__budget=None), "training.budget"),
    "benchmark of no source": (broken(benchmarks={"mine": {"path": "x.jsonl"}}), "benchmarks.mine"),
    "benchmark of an unknown source": (
        broken(benchmarks={"mine": {"source": "web"}}), "'embedded', 'word_problems', 'local', 'public'"),
    "benchmark of an unknown task": (
        broken(benchmarks={"mine": {"source": "local", "path": "pyproject.toml", "task": "poems"}}),
        "benchmarks.mine.local.task: task 'poems' is not known; allowed are integers, "),
    "benchmark without a file": (broken(benchmarks={"mine": {"source": "local"}}), "benchmarks.mine.local.path"),
    "benchmark whose file is not there": (
        broken(benchmarks={"mine": {"source": "local", "path": "no.jsonl"}}),
        "benchmarks.mine.path: no.jsonl does not exist"),
    "public benchmark of another name": (
        broken(benchmarks={"gsm8k": {"source": "public"}}),
        "'gsm8k' is no public benchmark; allowed are aime_2024, aime_2025, aimo_2025, or source local"),
    "benchmark named as a row of the tables": (
        broken(benchmarks={"all": {"source": "embedded", "size": 1, "seed": 1}}),
        "benchmarks: 'all' is taken; any name is allowed but train, validation, all, macro"),
    "benchmark with a name that is no name": (
        broken(benchmarks={"My set": {"source": "embedded", "size": 1, "seed": 1}}), "benchmarks.My set"),
    "training set that is a benchmark": (broken(train={"source": "public"}), "train"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_configurations_are_one_clear_line(name: str) -> None:
    config, said = BROKEN[name]
    with pytest.raises(ExperimentError) as caught:
        load_experiment(config, "config/mine.yaml")
    message = str(caught.value)
    assert message.startswith("config/mine.yaml: ") and said in message and "\n" not in message


def test_a_missing_key_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    remote = {"name": "far", "base_url": "http://host/v1", "model": "m", "api_key_env": "FAR_KEY"}
    with pytest.raises(ExperimentError, match=r"FAR_KEY \(api_key_env\) is not set"):
        load_experiment(broken(experts=[remote]), "config/mine.yaml")
    monkeypatch.setenv("FAR_KEY", "secret")
    experiment = load_experiment(broken(experts=[remote]), "config/mine.yaml")
    assert "secret" not in Plan(experiment, "mine", Path("results/mine")).settings("eapo", 1)


def run(method: str, **changes: Any) -> dict[str, Any]:
    """The settings of a run of the default experiment with changes."""
    plan = Plan(load_experiment(broken(**changes), "c"), "default", Path("results/default"))
    return yaml.safe_load(plan.settings(method, 1))


def test_methods_differ_in_their_own_parts_alone() -> None:
    parts = {"consultation", "reward", "internalization"}
    theirs = run("self_exploratory")
    for name in ("eapo", "eapo_paper"):
        ours = run(name)
        differing = {key for key in ours if ours[key] != theirs[key]}
        assert differing <= {"method", "experts", "departures", "config_sha256", *parts}
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
    verl = {"actor_rollout_ref.actor.optim.eps": 1e-8}
    assert run("eapo", training__verl=verl, system_prompt='a\n\n"b": 1e-8\n')["verl"] == verl


def test_a_variant_changes_what_it_names_at_any_depth() -> None:
    variants = {"ungated": {"of": "eapo", "consultation": {"trigger": "learned", "confidence": {"window": 4}}}}
    changed = {"variants": variants, "methods": ["eapo", "ungated"], "comparisons": [["eapo", "ungated"]]}
    one, full = run("ungated", **changed), run("eapo")
    assert one["consultation"].pop("trigger") == "learned" != full["consultation"].pop("trigger")
    assert one["consultation"]["confidence"].pop("window") == 4 != full["consultation"]["confidence"].pop("window")
    for part in ("consultation", "reward", "internalization", "experts", "budget"):
        assert one[part] == full[part]


def plan(**changes: Any) -> Plan:
    """The plan of the default experiment with changes."""
    return Plan(load_experiment(broken(**changes), "c"), "default", Path("results/default"))


#: An arm with more of everything that arms share; declared by the experiment that it is a variant of.
LARGE = {
    "of": "eapo", "policy": "other", "experts": ["expert_b"], "consultation": {"tags": {"consult_open": "<ask>"}},
    "system_prompt": "Think.", "training": {"budget": {"steps": 48}, "optimiser": {"learning_rate": 1e-5,
                 "overlong": {"buffer": 4}}, "lengths": {"response": 200}},
}  # fmt: skip
WITH_LARGE: dict[str, Any] = {
    "variants": {"large": LARGE}, "methods": ["self_exploratory", "eapo", "large"],
    "comparisons": [["large", "eapo"]],
    "models": {**DEFAULT["models"], "other": {"source": "embedded", "role": "policy", "seed": 2}},
}  # fmt: skip


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
        "training.optimiser.overlong.buffer": {"experiment": None, "arm": 4},
        "training.optimiser.overlong.penalty": {"experiment": None, "arm": 1.0},
    }
    assert "training.budget.steps" not in run("eapo", **WITH_LARGE)["departures"]


def test_an_arm_with_its_own_experts_leases_those_alone() -> None:
    large = plan(**WITH_LARGE)
    assert large.served_models("large", "training") == [large.model("expert_b")]
    lease = large.lease("large", 1, "training")
    assert "--services results/default/services/expert_b " in lease and "expert_a" not in lease
    assert large.scored_model("large", 1) == large.run("large", 1) / "model"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"training": {"budget": {"steps": 9}}},
            "training.budget: arms share it, so differences has to name it, as `training.budget`",
        ),
        ({"policy": "other"}, "policy: arms share it"),
        ({"system_prompt": "Think."}, "system_prompt: arms share it"),
        ({"kind": "magic"}, "kind: 'magic' is unknown; allowed are "),
        ({"colour": "red"}, "colour: no key of a method of kind rl, which has policy, system_prompt, experts,"),
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
    one = plan(variants={"expert": {"of": "base", "policy": "expert_a"}}, references=["base", "expert"])
    assert one.cells[:2] == [("base", 0), ("expert", 0)]
    assert one.scored_model("expert", 0) == one.model("expert_a")


class Distilled(Arm):
    """A kind that needs another model, and solutions by an expert."""

    teacher: Name
    solvers: tuple[Name, ...]

    def needs(self) -> Needs:
        return Needs(problems=True, models=(self.teacher,), solutions=self.solvers)


@pytest.fixture
def distilled(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Changes of the experiment by which it has an arm of that kind, ``mine``."""
    monkeypatch.setitem(kinds(), "distilled", Distilled)
    kind = Method(kind="distilled", differences="It is distilled.", teacher="expert_b", solvers=["expert_a"])
    monkeypatch.setitem(methods(), "mine", kind)
    return {"methods": ["mine"], "comparisons": [["mine", "base"]]}


def test_a_run_is_told_where_the_models_and_solutions_are_that_it_needs(distilled: dict[str, Any]) -> None:
    one = plan(**distilled)
    settings = yaml.safe_load(one.settings("mine", 1))
    assert settings["models"] == {"expert_b": "results/default/models/expert_b"}
    assert settings["solutions"] == {"expert_a": "results/default/solutions/expert_a.jsonl"}
    assert settings["experts"] == [] and "training" not in settings
    named = ["train_file", "validation_file"]
    files = [*(settings[key] for key in named), *settings["models"].values(), *settings["solutions"].values()]
    assert [str(path) for path in one.run_files("mine")] == files


def test_a_run_is_told_apart_by_the_models_and_solutions_that_it_needs(distilled: dict[str, Any]) -> None:
    known = plan(**distilled).identity("mine", 1)
    for expert in ("expert_a", "expert_b"):
        assert plan(**distilled, **{f"models__{expert}__seed": 5}).identity("mine", 1) != known
    assert plan(**distilled, training__budget__steps=25).identity("mine", 1) == known


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("teacher", "gpt", "method mine: models: 'gpt' is not one of models"),
        ("solvers", ["gpt"], "method mine: experts: 'gpt' is not one of the experiment's"),
    ],
)
def test_what_an_arm_needs_has_to_be_there(distilled: dict[str, Any], key: str, value: Any, said: str) -> None:
    variants = {"other": {"of": "mine", key: value}}
    changes = distilled | {"variants": variants, "methods": ["mine", "other"]}
    with pytest.raises(ExperimentError, match=said.replace("mine", "other")):
        plan(**changes)


REMOTE = {"name": "far", "base_url": "http://host/v1", "model": "m"}


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation__temperature": 0.5},
        {"resources__training_memory_mb": 9000},
        {"training__threads": {"trainer": 1}},
        {"training__budget__checkpoint_every": 2},
        {"consultation__pool__deadline_s": 5, "consultation__pool__failure_limit": 0.1},
        {"experts__0__timeout_s": 5.0, "experts__0__retries": 0, "experts__1__max_concurrency": 1},
        {"models": {**DEFAULT["models"], "other": {"source": "smollm2"}}},
        {"methods": ["eapo", "self_exploratory", "eapo_paper"], "benchmark_dir": "."},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_changes_no_result_is_no_part_of_a_run_s_identity(changes: dict[str, Any]) -> None:
    assert plan(**changes).identity("eapo", 1) == plan().identity("eapo", 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"train__seed": 5},
        {"models__expert_b__seed": 5},
        {"experts__0__max_tokens": 5},
        {"experts__0__max_model_len": 65},
        {"experts__0__price_per_million_input": 1.0},
        {"consultation__pool__mode": "sequential"},
        {"training__budget__steps": 25},
        {"training__precision": "bfloat16"},
        {"training__verl": {"trainer.balance_batch": False}},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_changes_a_result_is_part_of_a_run_s_identity(changes: dict[str, Any]) -> None:
    assert plan(**changes).identity("eapo", 1) != plan().identity("eapo", 1)


def test_runs_are_told_apart_and_experts_matter_to_those_who_ask() -> None:
    moved = [plan(experts=[one]) for one in (REMOTE, REMOTE | {"base_url": "http://elsewhere/v1"})]
    assert moved[0].identity("eapo", 1) == moved[1].identity("eapo", 1) != plan().identity("eapo", 1)
    assert moved[0].identity("self_exploratory", 1) == plan().identity("self_exploratory", 1)
    assert len({plan().identity(method, seed) for method, seed in plan().trained}) == len(plan().trained)


def test_runs_that_consult_served_experts_lease_them_and_wait_for_their_models() -> None:
    lease = plan().lease("eapo", 1, "training")
    assert "--expert expert_a=results/default/models/expert_a:64 --expert expert_b=" in lease
    assert f"--endpoints {plan().endpoints('eapo', 1, 'training')}" in lease
    assert lease.endswith("workflow.expert_service wait -- ")
    assert plan().served_models("eapo", "training") == [plan().model("expert_a"), plan().model("expert_b")]
    assert plan().lease("eapo", 1, "evaluation") == "" and plan().served_models("eapo", "evaluation") == []
    assert plan().lease("self_exploratory", 1, "training") == ""
    assert plan().served_models("self_exploratory", "training") == []
    elsewhere = plan(experts=[REMOTE])
    assert elsewhere.lease("eapo", 1, "training") == "" and elsewhere.served_models("eapo", "training") == []
