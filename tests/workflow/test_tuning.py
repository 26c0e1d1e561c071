"""An experiment that is tuned: which runs that is, what is refused, and what it takes over of a rule file."""

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.default_experiment import broken
from tests.integration.checkout import copy_checkout, in_checkout
from workflow.experiment import Experiment, load_experiment
from workflow.methods import METHODS, ExperimentError
from workflow.plan import Plan
from workflow.tuning.evidence import Job, rule_file, text
from workflow.tuning.plan import TuningPlan
from workflow.tuning.trials import Trials, trials_of

RESULTS = Path("results/default")
TUNING = {"trials": 3, "seeds": [101, 102], "validation": {"source": "embedded", "size": 32, "seed": 13}}


def load(**changes: Any) -> Experiment:
    return load_experiment(broken(tuning=TUNING, **changes), "c")


def tuning(experiment: Experiment) -> TuningPlan:
    return TuningPlan(experiment, "default", RESULTS)


def made(folder: Path, best: int = 2, **changes: Any) -> Path:
    """A rule file as the runs of an experiment make it, in which this trial of each arm is the best."""
    job = yaml.safe_load(tuning(load(**changes)).settings())
    for trials in job["arms"].values():
        for number, trial in enumerate(trials, 1):
            runs = []
            for digest in trial["config_sha256"]:
                run = folder / digest
                run.mkdir()
                accuracy = 0.5 if number == best else 0.25
                (run / "metrics.jsonl").write_text(json.dumps({"step": 1, "accuracy_val_unassisted": accuracy}) + "\n")
                hardware = {"cpu": "some", "cores": 2, "accelerators": []}
                (run / "run.json").write_text(
                    json.dumps({"config_sha256": digest, "git_sha": "abc", "hardware": hardware})
                )
                runs.append(str(run))
            trial["runs"] = runs
    path = folder / "tuned.yaml"
    path.write_text(text(rule_file(Job.model_validate(job), 32)))
    return path


def rates(trials: Trials, arm: str) -> list[float]:
    arms = [trials.experiment.arms[trial.name].model_dump() for trial in trials.arms[arm]]
    return [one["supervised"]["learning_rate"] if "supervised" in one else
            one["training"]["optimiser"]["learning_rate"] for one in arms]  # fmt: skip


@pytest.mark.parametrize("config", ["default", "full"])
def test_every_trained_arm_has_as_many_trials(config: str) -> None:
    experiment = load_experiment(yaml.safe_load(Path(f"config/{config}.yaml").read_text()), "c")
    trials = trials_of(experiment)
    assert list(trials.arms) == [name for name, arm in experiment.arms.items() if arm.program is not None]
    for arm in trials.arms:
        first, lower, higher = rates(trials, arm)
        assert first == 3e-4 and (lower, higher) == (1.5e-4, 6e-4)
    assert trials.experiment.seeds == (101,) and trials.experiment.validation.seed == 13


def test_trials_lie_apart_and_share_what_the_experiment_has() -> None:
    experiment = load()
    plan, usual = tuning(experiment), Plan(experiment, "default", RESULTS)
    assert plan.refusal is None and set(plan.seeds) == {101, 102}
    assert len(plan.runs()) == 2 * 2 * 3 * len(trials_of(experiment).arms)
    ours, theirs = (yaml.safe_load(one.settings("eapo", 101)) for one in (plan.plan, usual))
    assert ours.pop("validation_file") == str(plan.problems) == "results/default/tuning/data/validation.jsonl"
    assert theirs.pop("validation_file") == "results/default/data/validation.jsonl"
    assert ours.pop("config_sha256") != theirs.pop("config_sha256")
    assert ours == theirs and ours["train_file"] == "results/default/data/train.jsonl"
    assert plan.plan.run("eapo", 101) == RESULTS / "tuning/runs/eapo/seed101"
    assert {str(path) for path in plan.others} == {
        f"results/default/data/{name}.jsonl" for name in ("train", "validation", *experiment.benchmarks)
    }


def test_a_trial_that_needs_other_arms_runs_goes_by_those_of_tuning() -> None:
    names = ["eapo", "self_exploratory", "distillation_full", "sft_then_rl"]
    plan = tuning(load(methods=names, comparisons=[["eapo", "base"]])).plan
    settings = yaml.safe_load(plan.settings("sft_then_rl_trial2", 101))
    assert settings["policy"] == "results/default/tuning/runs/distillation_full/seed101/model"
    assert settings["policy"] == str(plan.policy("sft_then_rl_trial2", 101))
    assert settings["runs"]["eapo"] == "results/default/tuning/runs/eapo/seed101/run.json"
    assert settings["runs"]["eapo"] in map(str, plan.run_files("sft_then_rl_trial2", 101))


def only(*names: str, **variants: dict[str, Any]) -> dict[str, Any]:
    return {"methods": [*names], "comparisons": [[names[0], "base"]], "variants": variants}


UNTUNABLE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing said": ({"tuning": None}, "tuning is missing; needed are trials, seeds and validation"),
    "another number": ({"tuning": TUNING | {"trials": 4}}, "grid.yaml: 3 trials; every arm has 4 (tuning.trials)"),
    "a variant without its arm": (
        only("self_exploratory", "mine", mine={"of": "eapo"}), "method mine: it is tuned as eapo, which is none"
    ),
    "a variant named as a trial": (
        only("eapo", eapo_trial2={"of": "eapo"}), "variants: 'eapo_trial2' is the name of a trial"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTUNABLE)
def test_what_cannot_be_tuned_can_be_run_but_says_why_in_one_line(name: str) -> None:
    changes, said = UNTUNABLE[name]
    plan = tuning(load_experiment(broken(**{"tuning": TUNING} | changes), "c"))
    assert plan.refusal is not None and said in plan.refusal and "\n" not in plan.refusal
    assert not plan.arms and not plan.seeds
    with pytest.raises(SystemExit, match=r"^experiment: default: "):
        plan.runs()


@pytest.fixture
def grids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the arms' folders."""
    copied = tmp_path / "baselines"
    shutil.copytree(METHODS, copied)
    monkeypatch.setattr("workflow.methods.METHODS", copied)
    return copied


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("{training: {optimiser: {learning_rate: -1}}}", "training.optimiser.learning_rate: Input should be greater"),
        ("{training: {optimizer: {learning_rate: 1}}}", "training.optimizer: Extra inputs are not permitted"),
        ("{supervised: {learning_rate: 1.0e-4}}", "supervised: no key of a method of kind rl"),
        ("{training: {verl: {actor_rollout_ref.actor.ppo_epochs: 2}}}", "does not hold optimiser_steps (192, not 96)"),
    ],
)
def test_a_trial_that_its_arm_cannot_be_is_named(grids: Path, changes: str, said: str) -> None:
    (grids / "eapo/grid.yaml").write_text(f"- {{}}\n- {changes}\n- {{reward: {{answer: f1_paper}}}}\n")
    with pytest.raises(ExperimentError) as caught:
        trials_of(load())
    assert "eapo_trial2: " in str(caught.value) or "baselines/eapo/grid.yaml: " in str(caught.value)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [3, 101]}, "tuning.seeds: 3 is one of seeds; a seed that is tuned on cannot be scored"),
        ({"seeds": [101, 101]}, "tuning.seeds: [101, 101] names one twice"),
        ({"trials": 1}, "tuning.trials: Input should be greater than or equal to 2"),
        ({"validation": {"source": "public"}}, "tuning.validation: Input tag 'public' found"),
        ({"validation": {"source": "local", "path": "no.jsonl"}}, "tuning.validation.path: no.jsonl does not exist"),
    ],
)
def test_tuning_that_is_no_fair_one_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        load_experiment(broken(tuning=TUNING | changes), "c")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_arms_and_their_variants_take_over_what_was_chosen(tmp_path: Path) -> None:
    variants = {
        "eapo_dense": {"of": "eapo", "reward": {"bonus": {"peak": 0.2}}},
        "eapo_slow": {"of": "eapo", "training": {"optimiser": {"learning_rate": 1e-5}}},
    }
    changes = only("self_exploratory", "eapo", *variants, **variants)
    tuned = load(tuned=str(made(tmp_path, best=3, **changes)), **changes)
    plain = load(**changes)
    assert tuning(tuned).refusal is None
    found = {name: tuned.arms[name].model_dump()["training"]["optimiser"]["learning_rate"] for name in tuned.methods}
    assert found == {"self_exploratory": 6e-4, "eapo": 6e-4, "eapo_dense": 6e-4, "eapo_slow": 1e-5}
    assert tuned.method("eapo").title == "EAPO" and tuned.method("eapo").spends == plain.method("eapo").spends
    now, before = (Plan(one, "default", RESULTS) for one in (tuned, plain))
    assert now.identity("eapo", 1) != before.identity("eapo", 1)
    assert now.identity("eapo_slow", 1) == before.identity("eapo_slow", 1)
    departures = yaml.safe_load(now.settings("self_exploratory", 1))["departures"]
    assert departures["training.optimiser.learning_rate"] == {"experiment": 3e-4, "arm": 6e-4}
    # What was tuned is tuned again from where it started.
    assert tuning(tuned).settings() == tuning(plain).settings()


def test_no_run_is_another_one_where_every_arm_stays_as_it_is(tmp_path: Path) -> None:
    tuned = load(tuned=str(made(tmp_path, best=1)))
    for arm in ("eapo", "self_exploratory"):
        identities = {Plan(one, "default", RESULTS).identity(arm, 1) for one in (tuned, load())}
        assert len(identities) == 1


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "budget": ({"training__budget__steps": 12}, "made for another experiment: budget.steps is 24 there and 12 here"),
    "policy": ({"models__policy__seed": 2}, "policy.seed is 1 there and 2 here"),
    "training set": ({"train__size": 100}, "train.size is 4096 there and 100 here"),
    "expert": ({"experts__0__max_tokens": 41}, "experts.expert_a.max_tokens is 40 there and 41 here"),
    "optimiser": ({"training__optimiser__weight_decay": 0.1}, "grid.yaml or tuning was another when the file was made"),
    "problems of tuning": ({"tuning__validation__seed": 14}, "grid.yaml or tuning was another"),
    "an arm more": ({"methods": ["self_exploratory", "eapo", "eapo_penalty"]},
                    "method eapo_penalty is not in it; to tune again, say tuned: null and run `snakemake tune`"),
    "no tuning": ({"tuning": None}, "tuning is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_a_rule_file_of_something_else_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    changes, said = OTHERS[name]
    own = {"methods": ["self_exploratory", "eapo"], "comparisons": [["eapo", "base"]]}
    path = made(tmp_path, **own)
    config = copy.deepcopy(broken(tuning=TUNING, tuned=str(path), **own))
    for key, value in changes.items():
        *way, last = key.split("__")
        node: Any = config
        for part in way:
            node = node[int(part)] if part.isdigit() else node[part]
        node[last] = value
    with pytest.raises(ExperimentError) as caught:
        tuning(load_experiment(config, "c"))
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "said"), [(None, "does not exist"), ("arms: {}\n", "rule: Field required")])
def test_a_rule_file_that_is_none_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "tuned.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ExperimentError) as caught:
        load(tuned=str(path))
    assert f"tuned: {path}" in str(caught.value) and said in str(caught.value) and "\n" not in str(caught.value)


def test_snakemake_makes_every_trial_or_says_in_one_line_why_not(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text()) | {"tuning": TUNING}
    (checkout / "config/mine.yaml").write_text(yaml.safe_dump(smoke))
    command = ("snakemake", "tune", "-n", "--nolock", "--configfile")
    finished = in_checkout(checkout, *command, "config/mine.yaml")
    assert finished.returncode == 0, finished.stdout
    runs = re.findall(
        r"rule tuning_train:\n    input: (.*)\n    output: results/mine/tuning/runs/([^,]*)/run\.json", finished.stdout
    )
    assert sorted(run for _, run in runs) == sorted(
        f"{arm}{trial}/seed{seed}"
        for arm in ("eapo", "self_exploratory") for trial in ("", "_trial2", "_trial3") for seed in (101, 102)
    )  # fmt: skip
    assert all("results/mine/tuning/data/validation.jsonl" in needed for needed, _ in runs)
    assert "rule train:" not in finished.stdout

    (checkout / "baselines/eapo/grid.yaml").unlink()
    finished = in_checkout(checkout, *command, "config/mine.yaml")
    said = "experiment: mine: baselines/eapo/grid.yaml is missing: every trained arm is tuned, by a grid of 3 trials"
    assert finished.returncode != 0 and "Traceback" not in finished.stdout
    assert [line for line in finished.stdout.splitlines() if line.startswith(said)]
    # Who does not tune does not need it.
    assert in_checkout(checkout, "snakemake", "-n", *command[3:], "config/mine.yaml").returncode == 0
