"""What sampling through lm-eval costs over plain vLLM.

``python performance/sampling.py --model DIR --benchmark NAME=FILE [--samples 32] [--repeats 3]``

DIR is a checkpoint, e.g. results/default/models/policy, FILE a benchmark's problems, e.g.
results/default/data/chains_a.jsonl; --benchmark may be given several times. Draws the same samples (prompts, seeds,
sampling, engine settings) by ``python -m workflow.sampling`` and by vLLM's ``LLM.generate``, each time in a process of
its own, in alternating order, and prints medians of the wall time of generation alone, and of the whole process, and
their ratios. Prefix caching is the engine's default in plain vLLM; on a CPU, sampling does without.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# This file's own folder comes first when it is run by its path, and its analysis.py hides the package of that name.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.method.draws import sample_seed
from workflow.sampling.__main__ import parse
from workflow.sampling.cpu import at_cpu_precision, cpu_options
from workflow.sampling.request import SamplingError
from workflow.sampling.run import Job

PLAIN = Path(__file__).with_name("plain_vllm.py")


def plain_task(job: Job) -> dict:
    """What ``plain_vllm.py`` reads: the questions, and a seed for each sample."""
    questions = [(one.name, question) for one in job.benchmarks for question in one.questions]
    request = at_cpu_precision(job.request) if on_cpu() else job.request
    engine = {"dtype": request.dtype, "max_model_len": request.max_model_len, "seed": request.seed}
    if on_cpu():
        engine |= cpu_options(request)
        del engine["enable_prefix_caching"]
    return {
        "model": str(request.model),
        "engine": engine,
        "questions": [question.prompt for _, question in questions],
        "sampling": {
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
        },
        "seeds": [
            [sample_seed(request.seed, name, question.id, number) for number in range(request.samples)]
            for name, question in questions
        ],
    }


def timed(command: list[str]) -> tuple[float, str]:
    """Wall seconds of a process, and its stdout; ends this one if it fails."""
    started = time.monotonic()
    finished = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"sampling: {' '.join(command)} failed:\n" + "\n".join(finished.stderr.splitlines()[-20:]))
    return time.monotonic() - started, finished.stdout


def through_lm_eval(arguments: list[str], out: Path, names: list[str]) -> tuple[float, float, list[str]]:
    """Seconds of generation and of the whole process, and the responses."""
    wall, _ = timed(["-m", "workflow.sampling", *arguments, "--out-dir", str(out)])
    lines = [line for name in names for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    provenance = json.loads((out / f"{names[0]}.provenance.json").read_text(encoding="utf-8"))
    return provenance["generation_s"], wall, [json.loads(line)["response"] for line in lines]


def through_plain_vllm(task: Path) -> tuple[float, float, list[str]]:
    """The same of plain vLLM."""
    wall, output = timed([str(PLAIN), str(task)])
    answer = json.loads(output.splitlines()[-1])
    return answer["generation_s"], wall, answer["responses"]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--benchmark", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--repeats", type=int, default=3)
    # The other defaults are those of config/default.yaml.
    defaults = {"samples": 32, "temperature": 1.0, "top-p": 1.0, "max-tokens": 80, "max-model-len": 128}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    arguments = ["--model", options.model, "--seed", "0", "--dtype", options.dtype]
    for name in defaults:
        arguments += [f"--{name}", str(getattr(options, name.replace("-", "_")))]
    for benchmark in options.benchmark:
        arguments += ["--benchmark", benchmark]
    runs: dict[str, list[tuple[float, float, list[str]]]] = {"lm-eval route": [], "plain vLLM": []}
    with tempfile.TemporaryDirectory() as folder:
        try:
            job = parse([*arguments, "--out-dir", folder])
        except SamplingError as error:
            sys.exit(f"sampling: {error}")
        task = Path(folder) / "plain.json"
        task.write_text(json.dumps(plain_task(job)), encoding="utf-8")
        names = [benchmark.name for benchmark in job.benchmarks]
        order = list(runs)
        for repeat in range(options.repeats):
            for label in order:
                if label == "plain vLLM":
                    runs[label].append(through_plain_vllm(task))
                else:
                    runs[label].append(through_lm_eval(arguments, Path(folder) / f"out{repeat}", names))
            order.reverse()
    ours, theirs = (one[0][2] for one in runs.values())
    alike = sum(a == b for a, b in zip(ours, theirs, strict=True))
    print(f"{len(ours)} samples, {alike} of them the same text by both routes; medians of {options.repeats} runs:")
    medians = [[statistics.median(run[part] for run in one) for part in (0, 1)] for one in runs.values()]
    for label, (generation, wall) in zip(runs, medians, strict=True):
        print(f"{label}: generation {generation:.2f} s, whole process {wall:.2f} s")
    ratio = [a / b for a, b in zip(*medians, strict=True)]
    print(f"ratio of generation {ratio[0]:.3f}, of the whole process {ratio[1]:.3f}")


if __name__ == "__main__":
    main()
