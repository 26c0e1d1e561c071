"""How arms are sampled: what a sample depends on, and what only says how it is come by."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

import tasks
from baselines.procedure import Procedure, rewritten
from baselines.procedures.expert_workflow import ExpertWorkflow
from baselines.procedures.leap import Leap
from tests.default_experiment import DEFAULT
from workflow.embedded.problems import solution
from workflow.experiment import Experiment, load_experiment
from workflow.plan import Plan
from workflow.plan_sampling import SamplingPlan, task_code
from workflow.sampling.__main__ import parse
from workflow.sampling.turns import read_turns


@pytest.fixture(autouse=True)
def more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded world's models can be told something, which their own chat template is not."""
    monkeypatch.setattr("workflow.models.CHAT_TEMPLATE", "{{ enable_thinking }}{{ x }}")


def experiment(**changes: Any) -> Experiment:
    """The default experiment with changes of its top-level keys; mappings are merged."""
    config = copy.deepcopy(DEFAULT)
    for key, value in changes.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    return load_experiment(config, "c")


def identity(method: str = "eapo", seed: int = 1, **changes: Any) -> list[str]:
    return SamplingPlan(experiment(**changes)).identity(method, seed)


def test_sampling_takes_the_arguments(tmp_path: Path) -> None:
    tags = {"consult_open": "--ask"}
    one = experiment(
        system_prompt="-Be brief.\n\nAnd 'right'.",
        consultation={**DEFAULT["consultation"], "tags": tags},
        chat_template_kwargs={"x": False},
        evaluation={"stop": ["\ndef ", "--"], "gpu_memory_utilization": 0.5},
    )
    (tmp_path / "model").mkdir()
    for name, content in {"config.json": "{}", "tokenizer_config.json": '{"chat_template": "x"}', "a.bin": ""}.items():
        (tmp_path / "model" / name).write_text(content)
    (tmp_path / "a.jsonl").write_text('{"id": "q", "problem": "1+1", "answer": "2"}')
    files = ["--model", str(tmp_path / "model"), "--benchmark", f"a={tmp_path / 'a.jsonl'}", "--out-dir", str(tmp_path)]
    plan = SamplingPlan(one)
    request = parse([*files, *plan.identity("eapo", 1), *plan.operation()]).request
    evaluation = one.evaluation
    for key in ("samples", "temperature", "top_p", "max_tokens", "max_model_len", "dtype", "tensor_parallel"):
        assert getattr(request, key) == getattr(evaluation, key)
    assert (request.system_prompt, request.banned) == (one.system_prompt, ("--ask",))
    assert (request.stop, request.chat_template_kwargs) == (("\ndef ", "--"), {"x": False})
    assert request.gpu_memory_utilization == 0.5


def test_nothing_is_said_to_sampling_that_an_experiment_does_not_say() -> None:
    plan = SamplingPlan(experiment())
    assert plan.operation() == ["--max-model-len=256", "--tensor-parallel=1"]
    said = " ".join(plan.identity("eapo", 1))
    assert "--stop" not in said and "--chat-template" not in said and "None" not in said


def test_every_arm_and_seed_samples_for_itself() -> None:
    plan = Plan(experiment(), "default", Path("results/default"))
    drawn = [SamplingPlan(plan.experiment).identity(method, seed) for method, seed in plan.cells]
    seeds = [one for arguments in drawn for one in arguments if one.startswith("--seed=")]
    assert len(seeds) == len(drawn)
    assert len(set(seeds)) == len(seeds)


def test_a_method_s_own_tag_is_banned_at_evaluation() -> None:
    tags = {"consultation": {"tags": {"consult_open": "<ask>"}}}
    one = experiment(variants={"asking": {"of": "eapo", **tags}}, methods=[*DEFAULT["methods"], "asking"])
    bans = {method: SamplingPlan(one).identity(method, 1)[-1] for method in one.arms}
    assert bans.pop("asking") == "--ban=<ask>"
    assert list(bans.values()) == ["--ban=<consult>"] * 4


def test_an_arm_may_have_another_chat_template_in_training_and_evaluation() -> None:
    own = {"of": "eapo", "chat_template_kwargs": {"enable_thinking": True}}
    one = experiment(
        chat_template_kwargs={"enable_thinking": False}, variants={"own": own}, methods=[*DEFAULT["methods"], "own"]
    )
    for method, said in (("eapo", "false"), ("base", "false"), ("own", "true")):
        assert f'--chat-template-kwargs={{"enable_thinking": {said}}}' in SamplingPlan(one).identity(method, 1)
    settings = yaml.safe_load(Plan(one, "default", Path("results")).settings("own", 1))
    assert settings["chat_template_kwargs"] == {"enable_thinking": True}
    assert settings["departures"]["chat_template_kwargs.enable_thinking"] == {"experiment": False, "arm": True}


def test_a_model_is_evaluated_under_the_system_prompt_that_it_is_trained_under() -> None:
    own = {"of": "eapo", "system_prompt": "Think."}
    one = experiment(system_prompt="Be brief.", variants={"own": own}, methods=[*DEFAULT["methods"], "own"])
    for method, prompt in (("eapo", "Be brief."), ("base", "Be brief."), ("own", "Think.")):
        assert f"--system-prompt={prompt}" in SamplingPlan(one).identity(method, 1)
    settings = yaml.safe_load(Plan(one, "default", Path("results")).settings("own", 1))
    assert settings["system_prompt"] == "Think."


@pytest.mark.parametrize(
    "changes",
    [
        {"benchmarks": {"more": {"source": "embedded", "size": 3, "seed": 9}}},
        {"evaluation": {"max_model_len": 128}},
        {"evaluation": {"tensor_parallel": 2}},
        {"evaluation": {"k": 16}},
        {"evaluation": {"gpu_memory_utilization": 0.5}},
        {"evaluation": {"stop": []}, "chat_template_kwargs": {}},
        {"resources": {"sampling_threads": 2}},
    ],
)
def test_what_changes_no_sample_is_no_reason_to_sample_again(changes: dict[str, Any]) -> None:
    assert identity(**changes) == identity()


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation": {"temperature": 0.5}},
        {"evaluation": {"max_tokens": 70}},
        {"evaluation": {"seed": 1}},
        {"evaluation": {"dtype": "bfloat16"}},
        {"evaluation": {"samples": 64}},
        {"evaluation": {"stop": ["\n"]}},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"system_prompt": "Be brief."},
        {"consultation": {"tags": {"consult_open": "<ask>"}}},
    ],
)
def test_what_changes_the_samples_is_a_reason(changes: dict[str, Any]) -> None:
    assert identity(**changes) != identity()


WORKFLOWS: dict[str, Any] = {
    "methods": ["expert_workflow", "leap", "self_consistency"],
    "comparisons": [["expert_workflow", "base"]],
    "variants": {"asking": {"of": "expert_workflow", "expert_max_tokens": 40, "procedure": {"answers": 3}}},
    "references": ["base", "asking"],
}
REMOTE = {"name": "far", "base_url": "http://host/v1", "model": "m", "timeout_s": 5.0}


def conditions(method: str = "asking", **changes: Any) -> list[str]:
    return SamplingPlan(experiment(**WORKFLOWS | changes)).conditions(method)


def test_arms_of_one_turn_have_no_conditions() -> None:
    assert SamplingPlan(experiment()).conditions("eapo") == conditions("base") == []
    assert Plan(experiment(), "default", Path("results")).sampler_options("eapo") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"variants": {"asking": WORKFLOWS["variants"]["asking"] | {"procedure": {"answers": 2}}}},
        {"consultation": {"pool": {"mode": "sequential"}}},
        {"experts": [DEFAULT["experts"][0]]},
        {"experts": [DEFAULT["experts"][0] | {"max_model_len": 128}, DEFAULT["experts"][1]]},
        {"models": {"expert_b": {"source": "embedded", "role": "expert", "seed": 5}}},
        {"evaluation": {"max_model_len": 128}},
    ],
    ids=str,
)
def test_what_turns_and_experts_depend_on_is_a_reason_to_sample_again(changes: dict[str, Any]) -> None:
    assert conditions(**changes) != conditions()


@pytest.mark.parametrize(
    "changes",
    [
        {"consultation": {"pool": {"deadline_s": 5}, "acceptance": {"kind": "constant"}}},
        {"experts": [one | {"timeout_s": 5.0, "retries": 0} for one in DEFAULT["experts"]]},
        {"training": {"threads": {"trainer": 1}}},
    ],
    ids=str,
)
def test_how_experts_are_reached_is_none(changes: dict[str, Any]) -> None:
    assert conditions(**changes) == conditions()


def test_the_sampler_takes_what_an_arm_of_several_turns_says(tmp_path: Path) -> None:
    plan = Plan(experiment(**WORKFLOWS), "default", Path("results/default"))
    options = plan.sampler_options("asking")
    turns = read_turns(*options[1::2], endpoints=None)
    assert options[::2] == ["--procedure", "--replies", "--experts"] and turns is not None
    procedure = turns.procedure
    assert isinstance(procedure, ExpertWorkflow) and procedure.answers == 3
    assert procedure.prompts.ask == "{prompt}" and turns.replies is not None
    assert (turns.replies.max_tokens, turns.replies.max_characters) == (40, 8000)
    assert [one.folder for one in turns.experts] == [plan.model("expert_a"), plan.model("expert_b")]
    assert [one.max_model_len for one in turns.experts] == [64, 64]
    assert plan.sampler_options("leap")[::2] == ["--procedure"]
    assert plan.sampler_options("self_consistency")[::2] == ["--procedure", "--samples-of"]


def test_an_expert_that_is_elsewhere_reaches_the_sampler() -> None:
    workflows = WORKFLOWS | {"methods": ["expert_workflow"], "experts": [REMOTE]}
    plan = Plan(experiment(**workflows), "default", Path("results/default"))
    assert plan.lease("expert_workflow", 0, "evaluation") == []
    turns = read_turns(*plan.sampler_options("expert_workflow")[1::2], endpoints=None)
    assert turns is not None
    (endpoint,) = turns.addresses()
    assert (endpoint.name, endpoint.base_url, endpoint.model, endpoint.timeout_s) == tuple(REMOTE.values())


def shipped_variant(name: str) -> Procedure:
    """The procedure of a variant of config/full.yaml, as the sampler takes it."""
    variants = yaml.safe_load(Path("config/full.yaml").read_text())["variants"]
    # Of a title of its own, since the arms that it is a variant of are there, too.
    own = {name: variants[name] | {"title": name}}
    changes = WORKFLOWS | {"variants": own, "references": ["base", name]}
    options = Plan(experiment(**changes), "default", Path("results")).sampler_options(name)
    turns = read_turns(*[*options[1::2], None, None][:3], endpoints=None)
    assert turns is not None
    return turns.procedure


def test_experiments_that_ship_the_same_variant_ship_it_alike() -> None:
    default, full = (
        yaml.safe_load(Path(f"config/{name}.yaml").read_text())["variants"] for name in ("default", "full")
    )
    assert default and default == {name: full[name] for name in default}


def test_the_variants_for_the_embedded_world_ask_and_show_as_its_policy_was_taught() -> None:
    workflow = shipped_variant("workflow_bare")
    assert isinstance(workflow, ExpertWorkflow) and workflow.answers == 1 and not workflow.prompts.show_draft
    problem = "4+7@3;1*2;9#5-8"
    assert workflow.longest(problem) == f"{problem}<consult>4+7@3|1*2|9#5-8</consult><reply>unavailable</reply>"
    assert rewritten(solution(problem), workflow.prompts.rewrite) == "4+7=1,1@3=8|1*2=2|9#5=0,0-8=2"
    leap = shipped_variant("leap_bare")
    assert isinstance(leap, Leap) and leap.longest(problem) == problem
    assert rewritten("4+7=1;1*2=2;", leap.prompts.rewrite) == "4+7=1|1*2=2"


def test_the_files_of_a_task_are_those_that_write_its_prompt() -> None:
    for name in tasks.names():
        assert {"tasks/base.py"} < set(task_code(name))
        assert any(f"class {type(tasks.task(name)).__name__}" in Path(file).read_text() for file in task_code(name))
