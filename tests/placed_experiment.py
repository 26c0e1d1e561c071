"""What data, runs and sampling leave of an experiment, put in place without an engine."""

import gzip
import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import yaml

from eapo_verl.record import manifest, step_log, transcripts
from eapo_verl.settings.run import RunSettings
from tests.analysis_experiment import write_lines
from workflow.experiment import Experiment
from workflow.plan import Plan

ATTEMPTS = [{"git_sha": "badcafe" * 5, "resumed_from_step": 0}]
#: A model of ten numbers.
HEADER = json.dumps({"weight": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, 40]}}).encode()
STEP = {
    "seconds": 2.0, "accuracy_val_unassisted": 0.5, "acceptance_rate": 0.0, "consult_rate": 0.0, "rollouts": 8,
    "policy_tokens": 500, "policy_prompt_tokens": 70, "policy_tokens_scored": 570, "policy_tokens_trained": 500,
    "policy_prompt_tokens_trained": 70, "prompts_seen": 2, "optimiser_steps": 2,
}  # fmt: skip
DRAWN = {
    "git_sha": "badcafe" * 5, "hardware": {"cpu": "some"}, "precision": {"requested": "auto", "effective": "float32"},
    "startup_s": 20.0, "generation_s": 10.0,
}  # fmt: skip


def place(experiment: Experiment, plan: Plan, cells: Collection[tuple[str, int]]) -> None:
    """Problems, where they are not there yet, and the runs and samples of these cells, in the order of their making."""
    problems = [
        {"id": f"chains_a-{i}", "problem": "1+1;2+2;3+3", "answer": str(100 + i), "source": "made", "task": "integers"}
        for i in range(10)
    ]
    for name in ("train", "validation", "chains_a"):
        if not (path := plan.results / "data" / f"{name}.jsonl").exists():
            write_lines(path, problems)
    for method, seed in (cell for cell in plan.trained if cell in cells):
        write_run(plan, method, seed)
    rng = np.random.default_rng(len(cells))
    for method, seed in cells:
        folder = plan.results / "samples" / method / f"seed{seed}"
        (folder / ".drawn").mkdir(parents=True)
        for name in ("chains_a.request", "all"):
            (folder / ".drawn" / name).write_text("")
        rows = [
            {"question_id": problem["id"], "sample": sample, "n_tokens": 20 + sample, "finish_reason": "stop",
             "response": f"\\boxed{{{problem['answer'] if rng.random() < 0.5 else 7}}}"}
            for problem in problems for sample in range(experiment.evaluation.samples)
        ]  # fmt: skip
        write_lines(folder / "chains_a.jsonl", rows)
        drawn = DRAWN | {"model_sha256": f"{method}-{seed}"}
        (folder / "chains_a.provenance.json").write_text(json.dumps(drawn))


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(len(HEADER).to_bytes(8, "little") + HEADER + b"\0" * 40)


def write_run(plan: Plan, method: str, seed: int) -> None:
    settings = RunSettings(**yaml.safe_load(plan.settings(method, seed)))
    folder = plan.run(method, seed)
    write_lines(folder / step_log.FILE, [STEP | {"step": step} for step in range(1, settings.budget.steps + 1)])
    with gzip.open(folder / transcripts.FILE, "wt") as file:
        file.write("")
    manifest.write_manifest(
        folder / "run.json", settings, step_log.read_steps(folder / step_log.FILE), {}, {}, 60.0, ATTEMPTS, {}
    )
    write_model(folder / "model")
