"""What a training step costs, and what of it the engines add.

``python performance/training_step.py SETTINGS [--eapo SETTINGS] [--steps 8]``

SETTINGS is a run's settings file, e.g. results/default/settings/self_exploratory.seed1.yaml (without experts). One call
trains a step through verl, as the first run of a workflow, then a few, as a later one, then runs a bare PyTorch loop on
the same model, with as many rollouts of the same mean length and as many optimiser steps, and prints the start-up of
both runs and a step by phase, and the ratio of the two steps.
With ``--eapo``, e.g. results/default/settings/eapo.seed1.yaml, it also trains that method with consultation off, which
should cost nothing, and prints the ratio of its steps to the first run's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from eapo_verl.record.provenance import hardware
from eapo_verl.record.step_log import read_steps
from workflow.belonging import announce, take_named

PHASES = ("generation", "old_log_prob", "update", "weight_sync")
#: What a run prints at the end of each phase of its start-up.
STARTUP = {
    "engines imported": "start-up: engines imported",
    "Ray started": "Started a local Ray instance",
    "trainer and rollout engine ready": "start-up: trainer and rollout engine ready",
    "first validation done": "step 0/",
}


# What a job of a workflow starts in place of ``python``; asked, as by a job, in a process below the workflow's.
INTERPRETER = "from workflow.shared_interpreter import in_place_of_python; print(in_place_of_python())"


def through_verl(settings: dict, folder: Path) -> tuple[dict[str, float], list[dict]]:
    """Train with verl as a workflow does, which this process is; ``folder`` is the run's own.

    Returns:
        When each phase of the start-up was over (s), and the lines of steps after the first.
    """
    folder.mkdir()
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    started = time.monotonic()
    python = subprocess.run([sys.executable, "-c", INTERPRETER], check=True, stdout=subprocess.PIPE, text=True).stdout
    command = [python.strip(), "-m", "eapo_verl.train", str(path)]
    command += ["--run-dir", str(folder / "run"), "--checkpoint-dir", str(folder / "checkpoints")]
    ready: dict[str, float] = {}
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            for phase, sign in STARTUP.items():
                if sign in line and phase not in ready:
                    ready[phase] = time.monotonic() - started
    if process.returncode != 0 or len(ready) < len(STARTUP):
        sys.exit("training_step: verl failed:\n" + "".join(lines[-20:]))
    # The first step pays for warm-up.
    return ready, [step for step in read_steps(folder / "run" / "metrics.jsonl") if step["step"] > 1]


def bare_step(settings: dict, length: int, steps: int) -> float:
    """Median seconds of a step of plain PyTorch: sample, then policy-gradient updates, float32, one thread."""
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(settings["policy"], padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(settings["policy"], dtype=torch.float32)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings["optimiser"]["learning_rate"])
    budget = settings["budget"]
    with Path(settings["train_file"]).open(encoding="utf-8") as file:
        problems = [json.loads(line)["problem"] for line in file][: budget["prompts_per_step"]]
    chats = [[{"role": "user", "content": problem}] for problem in problems]
    prompts = tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    )
    seconds = []
    for _ in range(steps):
        started = time.monotonic()
        with torch.no_grad():
            tokens = model.generate(
                **prompts,
                do_sample=True,
                min_new_tokens=length,
                max_new_tokens=length,
                num_return_sequences=budget["rollouts_per_prompt"],
                pad_token_id=tokenizer.pad_token_id,
            )
        start = prompts["input_ids"].shape[1]
        for batch in tokens.chunk(budget["mini_batches"]):
            logits = model(batch[:, :-1]).logits[:, start - 1 :]
            log_probs = logits.log_softmax(-1).gather(2, batch[:, start:, None]).squeeze(2)
            advantages = torch.randn(len(batch), 1)
            (-(log_probs * advantages).mean()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
        seconds.append(time.monotonic() - started)
    return statistics.median(seconds)


def read(path: Path, steps: int) -> dict:
    """A run's settings with another number of steps."""
    settings: dict = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["budget"] |= {"steps": steps, "validate_every": 1000, "checkpoint_every": 1000}
    return settings


def step_seconds(steps: list[dict]) -> float:
    """Median seconds of a step, validation aside."""
    return statistics.median(line["seconds"] - (line["seconds_validation"] or 0.0) for line in steps)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--eapo", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    arguments = parser.parse_args()
    settings = read(arguments.settings, arguments.steps)
    if settings["experts"]:
        sys.exit(f"training_step: {arguments.settings}: a run with experts needs their servers; take one without")
    eapo = read(arguments.eapo, arguments.steps) if arguments.eapo is not None else None
    if eapo is not None:
        eapo["experts"] = []
        eapo["consultation"]["trigger"] = "never"
    with tempfile.TemporaryDirectory() as name:
        lock = Path(name) / ".lock"
        held = take_named(lock)
        announce(lock)
        first, _ = through_verl(read(arguments.settings, 1), Path(name) / "first")
        ready, steps = through_verl(settings, Path(name) / "later")
        off_steps = through_verl(eapo, Path(name) / "off")[1] if eapo is not None else []
        os.close(held)
    rollouts = settings["budget"]["prompts_per_step"] * settings["budget"]["rollouts_per_prompt"]
    step = step_seconds(steps)
    length = round(statistics.mean(line["policy_tokens"] for line in steps) / rollouts)
    bare = bare_step(settings, length, max(2, arguments.steps // 2))
    print(f"on {hardware()['cpu']} ({hardware()['instruction_set']}), {os.cpu_count()} cores, {settings['precision']}")
    for which, phases in (("first run of a workflow", first), ("later one", ready)):
        for phase, second in phases.items():
            print(f"start-up of the {which}: {phase} after {second:.1f} s")
    for phase in PHASES:
        print(f"{phase}: {statistics.median(line[f'seconds_{phase}'] for line in steps):.2f} s a step")
    print(f"step: {step:.2f} s for {rollouts} rollouts of {length} tokens on average")
    print(f"bare PyTorch step on as many tokens: {bare:.2f} s; ratio {step / bare:.2f}")
    if eapo is not None:
        off = step_seconds(off_steps)
        print(f"{eapo['method']} with consultation off: {off:.2f} s a step; ratio {off / step:.2f}")


if __name__ == "__main__":
    main()
