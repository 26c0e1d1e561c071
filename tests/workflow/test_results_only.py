"""config/results_only.yaml: the default experiment whose experts show results alone, wherever they are asked."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from baselines.procedure import rewritten
from baselines.procedures.expert_workflow import ExpertWorkflow
from eapo_verl.experts.reply import Reply
from eapo_verl.experts.shown import part_shown
from tests.default_experiment import broken
from workflow.embedded.problems import make_problems, solution, solve_chain
from workflow.experiment import Experiment, load_experiment
from workflow.methods import ExperimentError, leaves
from workflow.plan import Plan
from workflow.plan_solutions import SolutionsPlan
from workflow.sampling.turns import read_turns

RESULT = r"\\boxed\{[0-9]+\}|=([0-9])"


def shipped(name: str) -> Experiment:
    return load_experiment(yaml.safe_load(Path(f"config/{name}.yaml").read_text()), name)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return shipped("results_only")


def told(experiment: Experiment) -> dict[str, Any]:
    """All that it says, and what each arm is, by dotted key."""
    whole = experiment.model_dump(mode="json")
    whole["experts"] = {one["name"]: one for one in whole["experts"]}
    return dict(leaves(whole | {"arms": {name: arm.model_dump(mode="json") for name, arm in experiment.arms.items()}}))


def test_it_differs_from_the_default_experiment_in_what_experts_show_and_nothing_else(experiment: Experiment) -> None:
    default, hidden = told(shipped("default")), told(experiment)
    rewriting = {key for key in hidden if key.endswith("procedure.prompts.rewrite")}
    differing = {key for key in default.keys() | hidden.keys() if default.get(key) != hidden.get(key)}
    assert len(rewriting) == 2
    assert differing - rewriting == {
        "experts.expert_a.shows", "experts.expert_b.shows", "models.policy.options.replies"
    }  # fmt: skip
    assert hidden["experts.expert_a.shows"] == hidden["experts.expert_b.shows"] == RESULT
    assert hidden["models.policy.options.replies"] == "results"


def test_of_what_its_experts_write_the_results_are_shown_and_graded_and_no_step() -> None:
    for problem in make_problems(200, 1, "some"):
        whole = part_shown(RESULT, Reply("a", "answered", solution(problem.problem)))
        assert whole.text == problem.solution.rpartition(";")[2] and "=" not in whole.text
        for chain in problem.problem.split(";"):
            steps, result = solve_chain(chain)
            assert part_shown(RESULT, Reply("a", "answered", steps)).text == str(result)


def test_whoever_learns_from_experts_or_asks_them_is_shown_the_results(experiment: Experiment) -> None:
    plan = Plan(experiment, "results_only", Path("results/results_only"))
    for arm in ("eapo", "eapo_paper"):
        assert [one["shows"] for one in yaml.safe_load(plan.settings(arm, 1))["experts"]] == [RESULT] * 2
    solutions = SolutionsPlan(experiment, plan)
    assert [yaml.safe_load(solutions.settings(one))["expert"]["shows"] for one in solutions.experts] == [RESULT] * 2
    turns = read_turns(*[*plan.sampler_options("workflow_bare")[1::2], None, None][:3], endpoints=None)
    assert turns is not None and [one.shows for one in turns.experts] == [RESULT] * 2
    assert [one.endpoint({one.name: {"base_url": "http://h/v1", "model": "m"}}, 40).shows for one in turns.experts] == [
        RESULT
    ] * 2


def test_the_expert_workflow_shows_results_as_its_policy_was_taught(experiment: Experiment) -> None:
    workflow = experiment.arms["workflow_bare"].sampling()["procedure"]
    assert isinstance(workflow, ExpertWorkflow)
    problem = "4+7@3;1*2;9#5-8"
    assert workflow.longest(problem) == f"{problem}<consult>4+7@3|1*2|9#5-8</consult><reply>unavailable</reply>"
    assert rewritten("\\boxed{822}", workflow.prompts.rewrite) == "8|2|2"


TEACHER = {"methods": ["distillation_on_policy"], "comparisons": [["distillation_on_policy", "base"]]}


def test_a_teacher_that_would_tell_what_its_expert_hides_is_refused() -> None:
    with pytest.raises(ExperimentError) as caught:
        load_experiment(broken(experts__0__shows=RESULT, **TEACHER), "c")
    assert "teacher: models.expert_a is served as experts.expert_a, of whose words a part" in str(caught.value)
    # One that shows all hides nothing.
    experts = broken()["experts"]
    load_experiment(broken(experts=[*experts, experts[0] | {"name": "hidden", "shows": RESULT}], **TEACHER), "c")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"experts__0__shows": "=([0-9]"}, "experts.0.shows: '=([0-9]' is no regular expression: missing ), "),
        ({"experts__0__shows": ["="]}, "experts.0.shows: Input should be a valid string"),
        ({"models__policy__options": {"replies": "songs"}}, "replies: 'songs' is none of steps, results"),
        ({"models__policy__options": {"replies": True}}, "options.replies"),
        ({"models__policy__options": {"steps": "many"}}, "steps: 'many' is not an integer"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_allowed_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        load_experiment(broken(**changes), "c")
    assert said in str(caught.value) and "\n" not in str(caught.value)
