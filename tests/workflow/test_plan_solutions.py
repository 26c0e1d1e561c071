"""The stage of experts' solutions as the rules see it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.default_experiment import DEFAULT
from tests.integration.checkout import copy_checkout, in_checkout
from workflow.experiment import Experiment, load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.plan_solutions import SolutionsPlan
from workflow.runs import config_sha256
from workflow.solutions.settings import JobSettings

ARMS = ["distillation_full", "distillation_lora"]


def experiment(methods: list[str] = ARMS, **changes: Any) -> Experiment:
    own = {"methods": methods, "comparisons": [[methods[0], "base"]]}
    return load_experiment(copy.deepcopy(DEFAULT) | own | changes, "mine.yaml")


def plan(one: Experiment) -> SolutionsPlan:
    return SolutionsPlan(one, Plan(one, "mine", Path("results/mine")))


def test_experts_solve_problems_where_some_arm_learns_from_them() -> None:
    assert plan(experiment(["eapo"])).experts == []
    assert plan(experiment()).experts == ["expert_a", "expert_b"]
    alone = {"only_a": {"of": "distillation_full", "experts": ["expert_a"]}}
    assert plan(experiment(["only_a", "eapo"], variants=alone)).experts == ["expert_a"]


def test_a_job_is_told_the_budget_of_prompts_and_its_expert() -> None:
    fields = yaml.safe_load(plan(experiment()).settings("expert_b"))
    assert fields["model"] == "results/mine/models/expert_b"
    fields["expert"] |= {"base_url": "http://127.0.0.1/v1", "model": "expert_b", "parameters": 3}
    job = JobSettings(**fields)
    assert job.solutions.problems == 24 * 16 and job.problems_file == Path("results/mine/data/train.jsonl")
    assert (job.endpoint.name, job.endpoint.max_tokens, job.endpoint.temperature) == ("expert_b", 40, 1.0)


def test_a_served_expert_is_leased_with_the_others_and_a_remote_one_is_not() -> None:
    served = plan(experiment())
    lease = served.lease("expert_a")
    assert lease.count("--expert") == 2 and lease[lease.index("--endpoints") + 1].endswith("/solutions.expert_a.json")
    remote = {"name": "far", "base_url": "http://127.0.0.1/v1", "model": "m"}
    mixed = plan(experiment(experts=[*DEFAULT["experts"], remote]))
    assert mixed.lease("far") == [] and mixed.served_models("far") == [] and mixed.lease("expert_a")


def test_an_expert_is_asked_again_and_what_learned_from_it_made_again_for_what_was_asked() -> None:
    before = experiment()

    def changed(**changes: Any) -> tuple[bool, bool]:
        after = experiment(solutions=DEFAULT["solutions"] | changes)
        runs = (config_sha256(one, "distillation_full", 1) for one in (before, after))
        asked = (plan(one).identity("expert_a") for one in (before, after))
        return len(set(runs)) == 2, len(set(asked)) == 2

    assert changed(samples=3) == changed(problems=100) == (True, True)
    assert changed(deadline_s=5) == changed(problems=384) == (False, False)


def test_solutions_for_which_an_expert_has_no_room_are_refused() -> None:
    with pytest.raises(ExperimentError) as caught:
        experiment(solutions={"max_tokens": 64})
    assert str(caught.value) == (
        "mine.yaml: solutions.max_tokens: 64 leave no room for a problem in experts.expert_a.max_model_len (64)"
    )
    assert experiment(["eapo"], solutions={"max_tokens": 64})


def test_the_rules_ask_each_expert_once_and_train_without_them(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    own = {"methods": ARMS, "comparisons": [[*ARMS]], "seeds": [1, 2]}
    (checkout / "config/mine.yaml").write_text(yaml.safe_dump(DEFAULT | own))
    planned = in_checkout(
        checkout, "snakemake", "-n", "-p", "--configfile", "config/mine.yaml", "--nolock", "--cores", "1"
    )
    assert planned.returncode == 0, planned.stdout
    commands = [line.partition("exec ")[2] for line in planned.stdout.splitlines() if "-m workflow.logged" in line]
    asked = [line for line in commands if "-m workflow.solutions " in line]
    trained = [line for line in commands if "-m eapo_verl.sft " in line]
    assert len(asked) == 2 and len(trained) == 4 and not any("lease" in line for line in trained)
    for line in asked:
        assert (
            line.startswith("python -m workflow.expert_service lease") and "--endpoints results/mine/services/" in line
        )
        assert "--journal results/mine/solutions/.asked" in line
