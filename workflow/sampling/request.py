"""What a scoring run is asked for, checked in full before any engine is imported."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from analysis import benchmarks

DTYPES = ("auto", "bfloat16", "float32")


class ScoringError(Exception):
    """The request cannot be carried out; the message is one line: what, where, what is allowed."""


@dataclass(frozen=True)
class Problem:
    """One question. `answer` travels along for lm-eval's log; no prompt contains it."""

    id: str
    problem: str
    answer: str


@dataclass(frozen=True)
class Benchmark:
    """A named set of questions, in file order, with the sha256 of the file they came from."""

    name: str
    path: Path
    sha256: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Request:
    """A validated scoring run: `samples` responses to each question of each benchmark.

    `max_tokens` bounds a response, `max_model_len` prompt and response together (tokens). `banned` are
    strings that the model may not sample. `instruction` replaces the benchmarks' closing instruction where it
    is not None. `gpu_memory_utilization` is a fraction in (0, 1], or None for the engine's default.
    """

    model: Path
    benchmarks: tuple[Benchmark, ...]
    out_dir: Path
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    max_model_len: int
    seed: int
    banned: tuple[str, ...] = ()
    instruction: str | None = None
    dtype: str = "auto"
    tensor_parallel: int = 1
    gpu_memory_utilization: float | None = None

    def __post_init__(self) -> None:
        """Raises ScoringError for the first value that is not allowed."""
        fraction = self.gpu_memory_utilization
        rules = (
            (self.samples >= 1, "--samples", self.samples, "an integer of at least 1"),
            (
                0 <= self.temperature < float("inf"),
                "--temperature",
                self.temperature,
                "a number of at least 0",
            ),
            (
                self.temperature > 0 or self.samples == 1,
                "--temperature",
                self.temperature,
                f"above 0 when --samples is {self.samples}, as greedy samples of a question are all alike",
            ),
            (0 < self.top_p <= 1, "--top-p", self.top_p, "in (0, 1]"),
            (self.max_tokens >= 1, "--max-tokens", self.max_tokens, "an integer of at least 1"),
            (
                self.max_model_len > self.max_tokens,
                "--max-model-len",
                self.max_model_len,
                f"larger than --max-tokens ({self.max_tokens}), to leave room for the prompt",
            ),
            (self.seed >= 0, "--seed", self.seed, "an integer of at least 0"),
            (self.dtype in DTYPES, "--dtype", self.dtype, f"one of {', '.join(DTYPES)}"),
            (
                self.tensor_parallel >= 1,
                "--tensor-parallel",
                self.tensor_parallel,
                "an integer of at least 1",
            ),
            (fraction is None or 0 < fraction <= 1, "--gpu-memory-utilization", fraction, "in (0, 1]"),
            (
                all(text.strip() for text in self.banned),
                "--ban",
                list(self.banned),
                "strings that are not blank",
            ),
            (len(self.benchmarks) >= 1, "--benchmark", None, "given at least once, as NAME=problems.jsonl"),
        )
        for holds, option, value, allowed in rules:
            if not holds:
                raise ScoringError(f"{option} is {value!r}; it must be {allowed}")
        seen: set[str] = set()
        for benchmark in self.benchmarks:
            if benchmark.name in seen:
                raise ScoringError(f"--benchmark {benchmark.name} is given twice; each benchmark is allowed once")
            seen.add(benchmark.name)


def read_benchmark(argument: str) -> Benchmark:
    """The benchmark that ``NAME=problems.jsonl`` names.

    Raises ScoringError, naming file and line, for a name without a task YAML, an unreadable file, a line that
    is not an object with non-empty strings `id`, `problem` and `answer`, an id used twice, or a file without
    problems.
    """
    name, separator, location = argument.partition("=")
    if not separator or not name or not location:
        raise ScoringError(f"--benchmark is {argument!r}; it must be NAME=problems.jsonl")
    if name not in benchmarks.names():
        allowed = ", ".join(benchmarks.names())
        raise ScoringError(f"--benchmark {name}: no task YAML of that name; allowed: {allowed}")
    path = Path(location)
    try:
        content = path.read_bytes()
        text = content.decode()
    except OSError as error:
        raise ScoringError(f"--benchmark {name}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScoringError(f"--benchmark {name}: {path} is not UTF-8 text (byte {error.start})") from error
    problems: dict[str, Problem] = {}
    # Not splitlines(): JSON strings may hold line separators such as U+2028 that are no line ends of JSONL.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        problem = _read_problem(line, f"{path}:{number}")
        if problem.id in problems:
            raise ScoringError(f"{path}:{number}: id {problem.id!r} was used before; ids must be unique")
        problems[problem.id] = problem
    if not problems:
        raise ScoringError(f"--benchmark {name}: {path} holds no problem; at least one line is needed")
    return Benchmark(name, path, hashlib.sha256(content).hexdigest(), tuple(problems.values()))


def _read_problem(line: str, where: str) -> Problem:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ScoringError(f"{where}: not JSON ({error}); each line must be one JSON object") from error
    if not isinstance(record, dict):
        raise ScoringError(f"{where}: a {type(record).__name__}; each line must be one JSON object")
    for key in ("id", "problem", "answer"):
        value = record.get(key)
        if not isinstance(value, str) or not value.strip():
            found = "missing" if key not in record else f"{value!r}"
            raise ScoringError(f"{where}: {key!r} is {found}; it must be a non-empty string")
    return Problem(record["id"], record["problem"], record["answer"])


def check_model(model: Path, max_model_len: int) -> None:
    """Raises ScoringError unless `model` is a checkpoint with a chat template and enough positions."""
    if not model.is_dir():
        raise ScoringError(f"--model {model} is not a folder; it must be a Hugging Face checkpoint")
    if not any(model.glob("*.safetensors")) and not any(model.glob("*.bin")):
        raise ScoringError(f"--model {model} has no weights; *.safetensors or *.bin must be there")
    config = _read_json(model / "config.json")
    tokenizer = _read_json(model / "tokenizer_config.json")
    templates = ("chat_template.jinja", "chat_template.json")
    if not tokenizer.get("chat_template") and not any((model / name).is_file() for name in templates):
        raise ScoringError(
            f"--model {model} has no chat template; chat_template.jinja or tokenizer_config.json must hold it"
        )
    # A model with scaled rotary positions may reach beyond this number; vLLM works that case out itself.
    scaled = any(
        isinstance(rope := config.get(key), dict) and rope.get("rope_type", rope.get("type", "default")) != "default"
        for key in ("rope_scaling", "rope_parameters")
    )
    positions = config.get("max_position_embeddings")
    if not scaled and isinstance(positions, int) and max_model_len > positions:
        raise ScoringError(
            f"--max-model-len is {max_model_len}; it must be at most {positions},"
            f" max_position_embeddings of {model / 'config.json'}"
        )


def _read_json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise ScoringError(f"--model: cannot read {path}: {error.strerror}; a checkpoint has it") from error
    except ValueError as error:
        raise ScoringError(f"--model: {path} is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise ScoringError(f"--model: {path} must hold a JSON object")
    return content
