"""Arms that are added by docs/add-a-baseline.md alone go from the files of their runs and samples to the tables."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from eapo_verl.record import manifest
from tests.analysis_experiment import write_lines
from tests.integration.checkout import copy_checkout, in_checkout
from tests.placed_experiment import place, write_model
from workflow.experiment import load_experiment
from workflow.methods import methods
from workflow.plan import Plan

NEW = "patient"
#: And one without a run: the copy of a folder with two lines changed.
COPY, COPIED = "second_opinion", {"title: Expert workflow": "title: Second opinion", "answers: null": "answers: 2"}
#: The smoke experiment with these arms and an expert by itself, and models that lie in folders already.
CHANGES: dict[str, Any] = {
    "methods": [NEW, COPY], "references": ["expert"], "comparisons": [[NEW, "expert"], [COPY, NEW]],
    "models": {name: {"source": "local", "path": name} for name in ("policy", "large")},
    "experts": [{"name": "wise", "serve": "large"}],
}  # fmt: skip


def documented() -> str:
    """The first example of a method.yaml in the documentation."""
    found = re.search(r"```yaml\n(.*?)```", Path("docs/add-a-baseline.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of this one with the arms, in which this test is, too."""
    copy = copy_checkout(tmp_path)
    folder = copy / "baselines" / NEW
    folder.mkdir()
    (folder / "method.yaml").write_text(documented())
    shutil.copytree(copy / "baselines" / "expert_workflow", copy / "baselines" / COPY)
    file = copy / "baselines" / COPY / "method.yaml"
    text = file.read_text()
    for old, new in COPIED.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    smoke = yaml.safe_load((copy / "config/smoke.yaml").read_text())
    (copy / "config/mine.yaml").write_text(yaml.safe_dump(smoke | CHANGES))
    for name in CHANGES["models"]:
        write_model(copy / name)
    monkeypatch.chdir(copy)
    monkeypatch.setattr("workflow.methods.METHODS", copy / "baselines")
    monkeypatch.setattr(manifest, "hardware", lambda: {"cpu": "some"})
    methods.cache_clear()
    yield copy
    methods.cache_clear()


def test_they_are_graded_and_tested_and_their_costs_are_in_the_main_table(checkout: Path) -> None:
    experiment = load_experiment(yaml.safe_load(Path("config/mine.yaml").read_text()), "config/mine.yaml")
    plan = Plan(experiment, "mine", Path("results/mine"))
    place(experiment, plan, plan.cells)
    samples = plan.results / "samples" / COPY / "seed0" / "chains_a.jsonl"
    asked = {"expert_tokens": 14, "expert_requests": 2}
    write_lines(samples, [json.loads(line) | asked for line in samples.read_text().splitlines()])
    options = ("--cores", "2", "--nolock", "--configfile", "config/mine.yaml")
    finished = in_checkout(checkout, "snakemake", "results/mine/tables/main.csv", *options)
    assert finished.returncode == 0, finished.stdout
    ran = {line.split()[1][:-1] for line in finished.stdout.splitlines() if line.startswith(("rule ", "localrule "))}
    assert ran == {"arms", "grade", "scores", "tables"}

    table = pd.read_csv("results/mine/tables/main.csv").query("benchmark == 'all'").set_index("method")
    assert list(table.index) == ["expert", NEW, COPY]
    run = json.loads(Path(f"results/mine/runs/{NEW}/seed1/run.json").read_text())
    costs = run["costs"]
    steps = experiment.training.budget.steps
    assert costs["policy_parameters"] == 10
    assert costs["flops"] == 10 * steps * (2 * (500 + 70 + 570) + 6 * (500 + 70))
    row = table.loc[NEW]
    assert row["train_policy_tokens"] == costs["policy_tokens_sampled"] == 500 * steps
    assert (row["train_flops"], row["train_wall_s"]) == (costs["flops"], run["wall_s"])
    assert row["train_expert_tokens"] == row["train_expert_requests"] == row["expert_tokens_mean"] == 0
    assert row["n_tokens_mean"] == 20.5 and pd.isna(row["spends"])
    assert pd.isna(table.loc["expert", "train_flops"])
    # Nothing was trained for it; what its samples cost is there, and that it says so.
    row = table.loc[COPY]
    assert pd.isna(row["train_flops"]) and (row["n_tokens_mean"], row["expert_tokens_mean"]) == (20.5, 14)
    assert row["spends"] == "evaluation_expert_tokens, evaluation_tokens"

    tested = pd.read_csv("results/mine/tables/significance.csv")
    assert set(tested["method_a"]) == {NEW, COPY}
    said = json.loads(Path("results/mine/arms.json").read_text())
    titles = {name: one["title"] for name, one in said.items()}
    assert titles == {"expert": "Expert alone", NEW: "Patient RL", COPY: "Second opinion"}
