"""Benchmarks as files that lm-eval runs: a YAML and the questions each, written from the benchmark.

``python -m workflow.sampling.lm_eval_files --benchmark NAME=problems.jsonl --samples K --max-tokens N --out-dir DIR``
writes them for a run of lm-eval's own: ``lm_eval --include_path DIR --tasks NAME --log_samples …``. What it logs is
graded by ``python -m analysis compare``.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from workflow.command import Parser, run_command
from workflow.sampling.questions import Benchmark, read_benchmark
from workflow.sampling.request import SamplingError

_HERE = Path(__file__).resolve().parent
_SHARED = ("task.yaml", "process.py")


def generation(
    temperature: float, top_p: float, max_tokens: int, banned: Sequence[str] = (), stop: Sequence[str] = ()
) -> dict[str, Any]:
    """lm-eval's ``generation_kwargs``."""
    kwargs: dict[str, Any] = {
        # Else a response ends at the end-of-sequence token or at the token limit, and is kept whole.
        "until": list(stop),
        # Without do_sample lm-eval sets the temperature to 0, whatever else is asked for.
        "do_sample": temperature > 0,
        "temperature": temperature,
        "top_p": top_p,
        "max_gen_toks": max_tokens,
    }
    return kwargs | ({"bad_words": list(banned)} if banned else {})


def write_files(benchmarks: Iterable[Benchmark], samples: int, generation: dict[str, Any], folder: Path) -> None:
    """Writes ``<benchmark>.yaml`` and ``<benchmark>.jsonl`` of each benchmark, and what they share, into `folder`.

    The task of a benchmark has its name. Prompts are written out: lm-eval inserts them as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        shutil.copyfile(_HERE / name, folder / f"_{name}" if name.endswith(".yaml") else folder / name)
    for benchmark in benchmarks:
        data = folder.resolve() / f"{benchmark.name}.jsonl"
        rows = map(asdict, benchmark.questions)
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        task = {
            "include": "_task.yaml",
            "task": benchmark.name,
            # A cache of its own: an earlier file of the same name in the user's cache is never taken for this one.
            "dataset_kwargs": {"data_files": {"test": str(data)}, "cache_dir": str(folder.resolve() / "cache")},
            "repeats": samples,
            # lm-eval's default keeps the first response only; this hands all of them to process_results.
            "filter_list": [{"name": "all", "filter": [{"function": "take_first_k", "k": samples}]}],
            "generation_kwargs": generation,
        }
        (folder / f"{benchmark.name}.yaml").write_text(yaml.safe_dump(task, sort_keys=False), encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """The command line above. Raises SamplingError."""
    parser = Parser("workflow.sampling.lm_eval_files", __doc__, SamplingError)
    parser.add_argument("--benchmark", action="append", required=True, metavar="NAME=FILE", help="repeatable")
    parser.add_argument("--samples", type=int, required=True, metavar="K", help="responses a question")
    parser.add_argument("--temperature", type=float, default=0.6, metavar="T")
    parser.add_argument("--top-p", type=float, default=0.95, metavar="P")
    parser.add_argument("--max-tokens", type=int, required=True, metavar="N", help="tokens a response")
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    kwargs = generation(options.temperature, options.top_p, options.max_tokens)
    benchmarks = [read_benchmark(argument) for argument in options.benchmark]
    try:
        write_files(benchmarks, options.samples, kwargs, options.out_dir)
    except OSError as error:
        raise SamplingError(f"--out-dir: cannot write {error.filename}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(run_command("sampling", main))
