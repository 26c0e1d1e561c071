"""Which samples a job draws, takes over and writes; in the engine's place stands a function of a sample's seed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from workflow.sampling.journal import Completion
from workflow.sampling.questions import Benchmark, Question
from workflow.sampling.request import Request, SamplingError
from workflow.sampling.run import Job, run
from workflow.sampling.store import FOLDER, Drawn

# How often the engine was started, and for which benchmarks how many samples were drawn.
Starts = list[dict[str, int]]


def benchmark(name: str, prompts: Sequence[str] = ("1+1", "2+2")) -> Benchmark:
    return Benchmark(name, Path(f"{name}.jsonl"), tuple(Question(f"q{n}", one, "1") for n, one in enumerate(prompts)))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    request = Request(tmp_path / "model", 3, 1.0, 1.0, 64, 128, 7, dtype="float32")
    return Job(request, (benchmark("a"), benchmark("b")), tmp_path / "out")


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    made: Starts = []

    def draw(request: Request, asked_for: str, missing: Sequence[Drawn], label: str, started: float) -> None:
        drawn = {}
        for one in missing:
            one.journal.begin()
            seeds = [seed for _, _, seed in one._seeds if seed not in one.journal]
            drawn[one.benchmark.name] = len(seeds)
            for seed in seeds:
                one.journal.add(seed, Completion(f"answer {seed}", 3, "stop"))
            one.finish({"drawn_together": [other.benchmark.name for other in missing]})
        made.append(drawn)

    monkeypatch.setitem(sys.modules, "workflow.sampling.draw", SimpleNamespace(draw=draw))
    return made


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()}


def test_every_benchmark_has_samples_and_provenance_of_its_own(job: Job, starts: Starts) -> None:
    run(job, 0.0)
    assert starts == [{"a": 6, "b": 6}]
    assert set(files(job.out_dir)) == {"a.jsonl", "a.provenance.json", "b.jsonl", "b.provenance.json"}
    rows = [json.loads(line) for line in (job.out_dir / "a.jsonl").read_text().splitlines()]
    assert [(row["question_id"], row["sample"]) for row in rows] == [(f"q{n}", k) for n in range(2) for k in range(3)]
    provenance = json.loads((job.out_dir / "b.provenance.json").read_text())
    assert provenance["benchmark"] == "b" and provenance["drawn_together"] == ["a", "b"]


def test_one_more_benchmark_draws_no_other_again(job: Job, starts: Starts) -> None:
    run(job, 0.0)
    before = files(job.out_dir)
    more = replace(job, benchmarks=(benchmark("c"), *job.benchmarks))
    run(replace(more, writes=False), 0.0)
    run(replace(more, benchmarks=(benchmark("c"),), draws=False), 0.0)
    assert starts == [{"a": 6, "b": 6}, {"c": 6}]
    after = files(job.out_dir)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"c.jsonl", "c.provenance.json"}


def test_a_benchmark_has_the_same_samples_alone_and_beside_others(job: Job, starts: Starts, tmp_path: Path) -> None:
    run(job, 0.0)
    run(replace(job, benchmarks=(benchmark("b"),), out_dir=tmp_path / "alone"), 0.0)
    assert (tmp_path / "alone" / "b.jsonl").read_bytes() == (job.out_dir / "b.jsonl").read_bytes()


def touch(job: Job) -> Job:
    for path in (job.request.model, *job.request.model.iterdir()):
        path.touch()
    return job


def more_room(job: Job) -> Job:
    return replace(job, request=replace(job.request, max_model_len=256, tensor_parallel=2))


def fewer_samples(job: Job) -> Job:
    return replace(job, request=replace(job.request, samples=2))


@pytest.mark.parametrize("change", [touch, more_room, fewer_samples])
def test_what_changes_no_sample_starts_no_engine(job: Job, starts: Starts, change: Callable[[Job], Job]) -> None:
    run(job, 0.0)
    run(change(job), 0.0)
    assert len(starts) == 1


def test_outputs_that_were_removed_are_written_again_without_an_engine(job: Job, starts: Starts) -> None:
    run(job, 0.0)
    before = (job.out_dir / "a.jsonl").read_bytes()
    (job.out_dir / "a.jsonl").unlink()
    run(replace(job, draws=False), 0.0)
    assert (job.out_dir / "a.jsonl").read_bytes() == before and len(starts) == 1


def test_another_prompt_draws_its_benchmark_alone(job: Job, starts: Starts) -> None:
    run(job, 0.0)
    run(replace(job, benchmarks=(benchmark("a"), benchmark("b", ["Add: 1+1", "2+2"]))), 0.0)
    assert starts[1:] == [{"b": 6}]


def test_more_samples_of_a_question_keep_those_that_are_there(job: Job, starts: Starts) -> None:
    run(job, 0.0)
    before = (job.out_dir / "a.jsonl").read_text().splitlines()
    run(replace(job, request=replace(job.request, samples=5)), 0.0)
    after = [json.loads(line) for line in (job.out_dir / "a.jsonl").read_text().splitlines()]
    assert starts[1:] == [{"a": 4, "b": 4}]
    assert [row for row in after if row["sample"] < 3] == [json.loads(line) for line in before]


def test_an_interrupted_run_goes_on(job: Job, starts: Starts) -> None:
    run(job, 0.0)
    journal = job.out_dir / FOLDER / "a.journal"
    (job.out_dir / FOLDER / "a.json").unlink()
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:3]) + b'{"seed": 1, "respo')
    run(job, 0.0)
    assert starts[1:] == [{"a": 4}]


def test_what_is_not_there_cannot_be_written_and_nothing_is_lost_by_asking(job: Job, starts: Starts) -> None:
    run(replace(job, benchmarks=(benchmark("a"),)), 0.0)
    other = replace(job, request=replace(job.request, seed=8), draws=False)
    with pytest.raises(SamplingError, match=r"\.drawn: the samples of a, b are not all there; --only draw draws them"):
        run(other, 0.0)
    run(replace(job, benchmarks=(benchmark("a"),)), 0.0)
    assert len(starts) == 1
