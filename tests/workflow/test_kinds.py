"""What one more arm, and one more kind of method, cost: a folder each, and Snakemake plans and runs them."""

import json
import shlex
from pathlib import Path
from typing import Any

import yaml

from tests.integration.checkout import copy_checkout, in_checkout

#: A kind that has everything a kind can have: its run copies the policy, another program samples it, and experts are
#: asked at both times.
COPYING = """
import argparse, json, pathlib, shutil, yaml
from baselines.arm import Arm, Needs
from eapo_verl.settings.base import Name

class Copying(Arm):
    program = "baselines.kinds.copying"
    sampler = "baselines.kinds.copying.sampling"
    experts: tuple[Name, ...] = ()
    times: int = 1
    def needs(self) -> Needs:
        return Needs(problems=bool(self.experts), experts=self.experts, experts_at_evaluation=self.experts)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=pathlib.Path)
    parser.add_argument("--run-dir", type=pathlib.Path)
    parser.add_argument("--checkpoint-dir")
    arguments = parser.parse_args()
    settings = yaml.safe_load(arguments.settings.read_text())
    shutil.copytree(settings["policy"], arguments.run_dir / "model", dirs_exist_ok=True)
    for name in ("metrics.jsonl", "rollouts.jsonl.gz"):
        (arguments.run_dir / name).write_text("")
    (arguments.run_dir / "run.json").write_text(json.dumps(settings))
"""
METHOD: dict[str, Any] = {
    "kind": "copying", "differences": "Nothing is learned. `experts`: none in one of the tests.",
    "spends": ["expert_tokens", "evaluation_expert_tokens", "evaluation_tokens"],
}  # fmt: skip


def add_kind(checkout: Path) -> None:
    (checkout / "baselines" / "kinds" / "copying.py").write_text(COPYING)


def add_arm(checkout: Path, name: str, method: dict[str, Any]) -> None:
    folder = checkout / "baselines" / name
    folder.mkdir()
    (folder / "method.yaml").write_text(yaml.safe_dump(method))


def configure(checkout: Path, arm: str, **changes: Any) -> None:
    """``config/mine.yaml``: the smoke experiment with this arm alone."""
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    own = {"methods": [arm], "comparisons": [[arm, "base"]]}
    (checkout / "config/mine.yaml").write_text(yaml.safe_dump(smoke | own | changes))


def snakemake(checkout: Path, *arguments: str) -> str:
    options = ("--configfile", "config/mine.yaml", "--nolock", "--cores", "1")
    finished = in_checkout(checkout, "snakemake", *arguments, *options)
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def commands(planned: str) -> list[str]:
    """The shell commands of a dry run."""
    return [line.partition("exec ")[2] for line in planned.splitlines() if "python -m workflow.logged" in line]


def test_an_arm_of_an_existing_kind_is_one_folder(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    budget: dict[str, Any] = {"differences": "`training.budget`: 9 steps.", "training": {"budget": {"steps": 9}}}
    budget["spends"] = ["prompts", "rollouts", "optimiser_steps"]
    add_arm(checkout, "longer", {"kind": "rl", **budget, "consultation": {"trigger": "never"}})
    configure(checkout, "longer")
    planned = snakemake(checkout, "-n", "-p")
    (train,) = [line for line in commands(planned) if "--checkpoint-dir" in line]
    assert "-m eapo_verl.train results/mine/settings/longer.seed1.yaml" in train and "lease" not in train
    assert "training.budget.steps: {arm: 9, experiment: 4}" in planned and "budget: {checkpoint_every: 2, " in planned


def test_a_kind_of_method_is_one_module(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    add_kind(checkout)
    add_arm(checkout, "copy", METHOD)
    configure(checkout, "copy")
    planned = commands(snakemake(checkout, "-n", "-p"))
    (run,) = [line for line in planned if "--checkpoint-dir" in line]
    assert "-m baselines.kinds.copying results/mine/settings/copy.seed1.yaml --run-dir results/mine/runs/copy" in run
    assert run.startswith("python -m workflow.expert_service lease") and "--endpoints results/mine/services" in run
    samples = {"copy": [], "base": []}
    for line in planned:
        if "--only draw" in line:
            samples["copy" if "runs/copy/seed1/model" in line else "base"].append(line)
    assert samples["copy"] and samples["base"]
    for line in samples["copy"]:
        assert line.startswith("python -m workflow.expert_service lease") and "--ban" not in line
        assert "-m baselines.kinds.copying.sampling " in line and line.count("copy.seed1.evaluation.json") == 2
    assert all("-m workflow.sampling " in line and "lease" not in line for line in samples["base"])


def test_an_arm_that_takes_several_turns_is_one_folder_too(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    method = yaml.safe_load((checkout / "baselines/expert_workflow/method.yaml").read_text())
    prompts = method["procedure"]["prompts"] | {"ask": "It's {prompt}"}
    add_arm(checkout, "curt", method | {"procedure": method["procedure"] | {"prompts": prompts}})
    remote = {"name": "far", "base_url": "http://host/v1", "model": "m"}
    experts = yaml.safe_load((checkout / "config/smoke.yaml").read_text())["experts"]
    configure(checkout, "curt", experts=[*experts, remote])
    planned = commands(snakemake(checkout, "-n", "-p", "results/mine/samples/curt/seed0/chains_a.jsonl"))
    (draw,) = [line for line in planned if "--only draw" in line]
    (write,) = [line for line in planned if "--only write" in line]
    assert (
        draw.startswith("python -m workflow.expert_service lease") and "--expert expert_a=results/mine/models" in draw
    )
    for line in (draw, write):
        words = shlex.split(line)
        options = {name: words[words.index(name) + 1] for name in ("--procedure", "--replies", "--experts")}
        assert "--model=results/mine/models/policy" in words
        assert json.loads(options["--procedure"])["prompts"] == prompts
        near, far = json.loads(options["--experts"])
        assert near["folder"] == "results/mine/models/expert_a" and far["base_url"] == "http://host/v1"
    assert draw.count("--endpoints results/mine/services/curt.seed0.evaluation.json") == 2
    assert "--endpoints" not in write


def test_a_run_is_made_again_for_what_it_is_and_not_for_how(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    add_kind(checkout)
    method = METHOD | {"experts": []}
    add_arm(checkout, "copy", method)
    (checkout / "policy").mkdir()
    (checkout / "policy" / "config.json").write_text("{}")
    world = {"models": {"policy": {"source": "local", "path": "policy"}}, "experts": []}

    def made(**changes: Any) -> list[str]:
        """The rules of the jobs that ran for the run with changes of the experiment."""
        configure(checkout, "copy", **world | changes)
        out = snakemake(checkout, "results/mine/runs/copy/seed1/run.json")
        return sorted({line.split()[1][:-1] for line in out.splitlines() if line.startswith(("rule ", "localrule "))})

    assert made() == ["train"]
    run = json.loads((checkout / "results/mine/runs/copy/seed1/run.json").read_text())
    assert (run["kind"], run["times"]) == ("copying", 1) and "train_file" not in run
    assert (checkout / "results/mine/runs/copy/seed1/model/config.json").exists()
    assert made() == []
    # What the arm does not have is nothing to it, and neither is what is there beside it.
    smoke = yaml.safe_load((checkout / "config/smoke.yaml").read_text())
    assert made(training=smoke["training"] | {"threads": {"trainer": 2}}, seeds=[1, 2]) == []
    assert made(variants={"twice": {"of": "copy", "times": 2}}) == []
    (checkout / "baselines/copy/method.yaml").write_text(yaml.safe_dump(method | {"times": 2}))
    assert made() == ["train"]


def test_an_arm_says_what_its_kind_has_and_nothing_else(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    add_kind(checkout)
    add_arm(checkout, "copy", METHOD | {"consultation": {}})
    configure(checkout, "copy")
    finished = in_checkout(checkout, "snakemake", "-n", "--configfile", "config/mine.yaml")
    said = (
        "baselines/copy/method.yaml: consultation: no key of a method of kind copying, "
        "which has policy, system_prompt, chat_template_kwargs, experts, times"
    )
    assert finished.returncode != 0 and f"experiment: {said}" in finished.stdout.splitlines()
