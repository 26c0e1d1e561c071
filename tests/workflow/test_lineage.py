"""Arms whose runs need other arms' runs: where those lie, what tells the runs apart, and what Snakemake makes of it."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.default_experiment import DEFAULT
from tests.integration.checkout import copy_checkout, in_checkout
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError
from workflow.plan import Plan

#: ``second`` starts where ``first`` has ended, which itself has larger groups than others.
FIRST = {"of": "self_exploratory_matched"}
SECOND = {"of": "sft_then_rl", "start_from": "first"}
ARMS: dict[str, Any] = {
    "variants": {"first": FIRST, "second": SECOND},
    "methods": ["second", "first", "eapo", "self_exploratory"],
    "comparisons": [["second", "base"]],
    "ablations": [],
}
RESULTS = Path("results/default")


def plan(**changes: Any) -> Plan:
    return Plan(load_experiment(copy.deepcopy(DEFAULT) | ARMS | changes, "c"), "default", RESULTS)


def test_a_run_starts_from_the_model_of_the_same_seed() -> None:
    one = plan()
    for seed in (1, 3):
        settings = yaml.safe_load(one.settings("second", seed))
        assert settings["policy"] == f"results/default/runs/first/seed{seed}/model" == str(one.policy("second", seed))
        assert settings["runs"] == {
            arm: f"results/default/runs/{arm}/seed{seed}/run.json" for arm in ("first", "eapo", "self_exploratory")
        }
        assert settings["departures"]["policy"] == {"experiment": "policy", "arm": "runs/first"}
        assert {*settings["runs"].values()} == {str(path) for path in one.run_files("second", seed)[2:]}
    assert one.scored_model("second", 3) == RESULTS / "runs/second/seed3/model"
    assert "runs" not in yaml.safe_load(one.settings("eapo", 1))
    assert one.policy("first", 1) == RESULTS / "models/policy"


@pytest.mark.parametrize(
    "changes",
    [
        {"variants": {"first": FIRST | {"reward": {"answer": "f1_paper"}}, "second": SECOND}},
        {"experts": [DEFAULT["experts"][0]]},
        {"models": DEFAULT["models"] | {"policy": {"source": "embedded", "role": "policy", "seed": 2}}},
    ],
    ids=["start", "start's match", "start's policy"],
)
def test_a_run_is_told_apart_by_the_runs_that_it_needs(changes: dict[str, Any]) -> None:
    known, changed = plan(), plan(**changes)
    assert changed.identity("second", 1) != known.identity("second", 1) != known.identity("second", 2)


def variants(**changes: dict[str, Any]) -> dict[str, Any]:
    return {"variants": {"first": FIRST, "second": SECOND} | changes}


FAR = {"name": "far", "base_url": "http://host/v1", "model": "m"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a start that is not there": (
        variants(second={"of": "sft_then_rl"}),
        "method second: it needs the run of 'distillation_full', which is none of the trained methods of this "
        "experiment (second, first, eapo, self_exploratory)",
    ),
    "a start that has no run": (variants(second=SECOND | {"start_from": "base"}), "it needs the run of 'base'"),
    "a match that is not there": (
        {"methods": ["first", "self_exploratory"], "comparisons": [["first", "base"]]},
        "method first: it needs the run of 'eapo'",
    ),
    "its own start": (
        variants(second=SECOND | {"start_from": "second"}),
        "method second: arms need each other in a circle: second -> second",
    ),
    "a circle": (
        variants(first=FIRST | {"start_from": "second", "spends": ["rollouts", "trained_tokens"]}),
        "method second: arms need each other in a circle: second -> first -> second",
    ),
    "an expert of unknown size": (
        {"experts": [FAR]}, "method second: its budget goes by what others cost: experts.far.parameters is missing"
    ),
    "an unknown number": (
        variants(second=SECOND | {"match": {"by": "prompts"}}),
        "method second: match.by: Input should be 'rollouts_per_prompt' or 'steps'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_runs_that_cannot_be_made_are_one_clear_line(name: str) -> None:
    changes, said = WRONG[name]
    with pytest.raises(ExperimentError) as caught:
        plan(**changes)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_an_expert_elsewhere_whose_size_is_stated_will_do() -> None:
    assert plan(experts=[FAR | {"parameters": 1000}]).trained_arms == ["second", "first", "eapo", "self_exploratory"]


def test_snakemake_makes_the_runs_in_their_order(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    (checkout / "config/mine.yaml").write_text(yaml.safe_dump(smoke | ARMS | {"seeds": [1, 2]}))
    finished = in_checkout(checkout, "snakemake", "-n", "--nolock", "--configfile", "config/mine.yaml")
    assert finished.returncode == 0, finished.stdout
    jobs = re.findall(r"rule train:\n    input: (.*)\n    output: results/mine/runs/([^,]*)", finished.stdout)
    made = {output: {path for path in needed.split(", ") if "/runs/" in path} for needed, output in jobs}
    assert made == {
        f"{arm}/seed{seed}/run.json": {f"results/mine/runs/{path.format(seed)}" for path in needed}
        for seed in (1, 2)
        for arm, needed in {
            "self_exploratory": (),
            "eapo": (),
            "first": ("eapo/seed{}/run.json", "self_exploratory/seed{}/run.json"),
            "second": (
                "first/seed{}/model",
                "first/seed{}/run.json",
                "eapo/seed{}/run.json",
                "self_exploratory/seed{}/run.json",
            ),
        }.items()
    }


def test_an_arm_without_runs_is_scored_for_every_seed_of_the_arm_that_trains_its_model() -> None:
    one = plan(methods=["eapo", "eapo_seek_help"], comparisons=[["eapo_seek_help", "eapo"]])
    assert [cell for cell in one.cells if cell[0] == "eapo_seek_help"] == [
        ("eapo_seek_help", seed) for seed in (1, 2, 3)
    ]
    assert one.scored_model("eapo_seek_help", 2) == one.scored_model("eapo", 2) == RESULTS / "runs/eapo/seed2/model"
    assert "eapo_seek_help" not in one.trained_arms
    lease = one.lease("eapo_seek_help", 2, "evaluation")
    assert any(word.startswith("expert_a=") for word in lease) and one.lease("eapo_seek_help", 2, "training") == []
    assert "--procedure" in one.sampler_options("eapo_seek_help")


#: A vote that is matched with a workflow.
VOTE: dict[str, Any] = {
    "variants": {"asking": {"of": "expert_workflow"}, "vote": {"of": "self_consistency"}},
    "methods": ["asking", "expert_workflow", "vote", "eapo"],
    "references": ["base"],
    "comparisons": [["vote", "base"]],
    "ablations": [],
}


def vote(**match: str) -> dict[str, Any]:
    """Changes by which the vote is matched otherwise."""
    return VOTE | {"variants": VOTE["variants"] | {"vote": {"of": "self_consistency", "procedure": {"match": match}}}}


def test_a_vote_reads_what_the_samples_of_the_others_cost_on_every_benchmark() -> None:
    one = plan(**vote(arm="asking"))
    assert one.cells.count(("vote", 0)) == 1 and one.samples_read("asking") == []
    options = dict(zip(one.sampler_options("vote")[::2], one.sampler_options("vote")[1::2], strict=True))
    said = json.loads(options["--samples-of"])
    assert said == {
        arm: [f"results/default/samples/{arm}/seed0/{name}.provenance.json" for name in one.experiment.benchmarks]
        for arm in ("asking", "base")
    }
    assert [path for files in said.values() for path in files] == list(map(str, one.samples_read("vote")))
    assert "--samples-of" not in one.sampler_options("asking")
    # An arm that has samples of every seed is matched with the mean of all.
    every = vote(arm="eapo_seek_help") | {"methods": [*VOTE["methods"], "eapo_seek_help"]}
    assert len(plan(**every).samples_read("vote")) == (3 + 1) * len(one.experiment.benchmarks)


def test_a_vote_of_a_stated_number_asks_for_no_other_arm() -> None:
    stated = {"vote": {"of": "self_consistency", "procedure": {"votes": 3}}}
    one = plan(**VOTE | {"variants": stated, "methods": ["vote"]})
    assert one.samples_read("vote") == [] and "--samples-of" not in one.sampler_options("vote")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            VOTE | {"methods": ["asking", "vote"]},
            "method vote: it goes by the samples of 'expert_workflow', which is none of the arms of this experiment "
            "(base, asking, vote)",
        ),
        (VOTE | {"references": [], "comparisons": [["vote", "eapo"]]}, "method vote: it goes by the samples of 'base'"),
        (vote(arm="vote"), "method vote: arms need each other in a circle: vote -> vote"),
        (vote(like="eapo"), "method vote: the samples of 'eapo' have to be single responses of policy, the arm's own"),
        (vote(like="asking"), "method vote: the samples of 'asking' have to be single responses of policy"),
        (VOTE | {"experts": [FAR]}, "method vote: its budget goes by what others cost: experts.far.parameters is mis"),
        (vote(workflow="asking"), "method vote: procedure.self_consistency.match.workflow: Extra inputs"),
    ],
)  # fmt: skip
def test_a_vote_that_cannot_be_matched_is_one_clear_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        plan(**changes)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_snakemake_draws_the_vote_after_the_samples_that_it_goes_by(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    (checkout / "config/mine.yaml").write_text(yaml.safe_dump(smoke | VOTE))
    finished = in_checkout(checkout, "snakemake", "-n", "--nolock", "--configfile", "config/mine.yaml")
    assert finished.returncode == 0, finished.stdout
    requests = re.findall(r"rule request:\n    input: (.*)\n    output: results/mine/samples/(\w+)/", finished.stdout)
    read = {arm: {path for path in needed.split(", ") if "provenance" in path} for needed, arm in requests}
    provenance = "results/mine/samples/{}/seed0/chains_a.provenance.json"
    assert read.pop("vote") == {provenance.format(arm) for arm in ("expert_workflow", "base")}
    assert set(read) == {"base", "asking", "expert_workflow", "eapo"} and not any(read.values())
