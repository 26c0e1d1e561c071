"""The whole job against a real server: what it leaves, what it costs, and how it goes on after trouble."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from eapo_verl.record.solutions import read_provenance, read_solutions
from tests.expert_server import ExpertServer
from workflow.command import run_command
from workflow.solutions.__main__ import main
from workflow.solutions.settings import Solutions
from workflow.solutions.verdicts import FATES

# What the server makes of each, by its first word, is the sample.
TEXTS = ["echo \\boxed{5}", "echo \\boxed{6}", "echo five", "echo <reply>\\boxed{5}", "long \\boxed{5}", "refused x"]
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command on these texts as problems whose answer is 5; the status."""

    def start(server: ExpertServer, texts: list[str] = TEXTS, **changes: Any) -> int:
        rows = [{"id": f"p-{n}", "problem": text, "answer": "5", "task": "integers_bare", "difficulty": n % 2}
                for n, text in enumerate(texts)]  # fmt: skip
        (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        expert = {"name": "wise", "base_url": server.base_url, "model": "m", "retries": 0, "max_concurrency": 1,
                  "price_per_million_output": 1e6, "parameters": 10}  # fmt: skip
        settings = {"experiment": "e", "expert": expert, "problems_file": str(tmp_path / "train.jsonl"),
                    "solutions": {"samples": 2, "max_tokens": 33, "temperature": 0.5},
                    "pool": {"failure_window": 4, "breaker_threshold": 100}}  # fmt: skip
        settings = {key: value | changes.get(key, {}) if isinstance(value, dict) else value
                    for key, value in settings.items()}  # fmt: skip
        (tmp_path / "job.yaml").write_text(yaml.safe_dump(settings))
        arguments = [
            str(tmp_path / "job.yaml"),
            "--out",
            str(tmp_path / "wise.jsonl"),
            "--journal",
            str(tmp_path / "j"),
        ]
        return run_command("solutions", main, arguments)

    return start


def completions(server: ExpertServer) -> list[dict[str, Any]]:
    bodies = [request[request.index(b'{"model"') :] for request in server.received if request.startswith(b"POST")]
    return [json.loads(body) for body in bodies]


def test_right_solutions_are_kept_and_all_samples_accounted_for(run: Run, tmp_path: Path) -> None:
    with ExpertServer() as server:
        assert run(server) == 0
        asked = completions(server)
    (solution,) = read_solutions(tmp_path / "wise.jsonl")
    assert (solution.problem_id, solution.solution, solution.tokens) == ("p-0", "\\boxed{5}", 7)
    record = read_provenance(tmp_path / "wise.jsonl")
    assert record["fates"] == dict.fromkeys(FATES, 0) | {
        "kept": 1, "duplicate": 1, "wrong": 2, "unanswered": 2, "unsafe": 2, "truncated": 2, "failed": 2,
    }  # fmt: skip
    assert (record["problems"], record["solved"], record["asked"], record["right"], record["kept"]) == (6, 1, 12, 2, 1)
    assert record["by_difficulty"] == {"0": {"problems": 3, "solved": 1}, "1": {"problems": 3, "solved": 0}}
    # Refused requests cost nothing; a completion is 7 tokens after 11, whether it is right or not.
    assert record["requests"] == len(asked) == 12
    assert (record["tokens"], record["prompt_tokens"]) == (70, 110)
    assert record["cost_usd"] == 70 and record["flops"] == 2 * 10 * 180
    assert record["expert"] == "wise" and record["model"] == "m" and record["finished"].startswith("20")
    # A prompt holds the problem and nothing else of it, and every sample has a seed of its own.
    assert sorted({one["messages"][0]["content"] for one in asked}) == sorted(TEXTS)
    assert all(len(one["messages"]) == 1 and (one["max_tokens"], one["temperature"]) == (33, 0.5) for one in asked)
    assert len({one["seed"] for one in asked}) == 12


def test_of_an_expert_that_hides_its_steps_the_results_are_graded_and_kept(run: Run, tmp_path: Path) -> None:
    texts = ["echo <think>Easy.</think>2+3=5;\\boxed{5}", "echo \\boxed{5}, or rather \\boxed{6}", "echo 2+3=5"]
    with ExpertServer() as server:
        assert run(server, texts, expert={"shows": r"\\boxed\{.\}"}) == 0
    (solution,) = read_solutions(tmp_path / "wise.jsonl")
    assert (solution.problem_id, solution.solution, solution.tokens) == ("p-0", "\\boxed{5}", 7)
    record = read_provenance(tmp_path / "wise.jsonl")
    assert {name: count for name, count in record["fates"].items() if count} == {
        "kept": 1, "duplicate": 1, "wrong": 2, "failed": 2,
    }  # fmt: skip
    assert record["tokens"] == 6 * 7


def test_an_expert_that_fails_stops_the_job_and_what_it_said_is_not_asked_again(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["echo \\boxed{5}", "echo 5 is \\boxed{5}", "broken_once a", "broken_once b", "broken_once c"]
    with ExpertServer() as server:
        assert run(server, texts, solutions={"samples": 1}, pool={"failure_window": 4}) == 2
        (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("solutions: ")]
        assert "expert wise: 75% of the last 4 replies failed or timed out, the limit is 50%" in said
        assert "answered 2, timed_out 0, failed 3, truncated 0" in said and "run the same command to go on" in said
        assert not (tmp_path / "wise.jsonl").exists()
        before = len(completions(server))
        assert run(server, texts, solutions={"samples": 1}) == 0
        again = [one["messages"][0]["content"] for one in completions(server)[before:]]
    assert again == texts[2:]
    record = read_provenance(tmp_path / "wise.jsonl")
    assert (record["asked"], record["requests"], record["tokens"]) == (5, 5, 35)
    assert [one.problem_id for one in read_solutions(tmp_path / "wise.jsonl")] == ["p-0", "p-1"]


def test_what_is_asked_beyond_is_asked_alone(run: Run) -> None:
    with ExpertServer() as server:
        assert run(server, solutions={"samples": 1, "problems": 3}) == 0
        first = completions(server)
        assert run(server, solutions={"samples": 2}) == 0
        every = completions(server)
    # Refused requests are no replies to keep.
    kept = [one for one in first if not one["messages"][0]["content"].startswith("refused")]
    assert len(first) == 3 and len(every) == 3 + 12 - len(kept)


def test_an_expert_that_is_not_there_is_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with ExpertServer() as server:
        pass
    assert run(server) == 2
    said = capsys.readouterr().err
    assert said.startswith("solutions: expert wise at http://127.0.0.1") and "cannot be reached" in said
    assert said.count("\n") == 1


def test_samples_that_would_all_be_alike_and_a_prompt_without_a_problem_are_refused() -> None:
    with pytest.raises(ValueError, match="samples is 2; at temperature 0"):
        Solutions(temperature=0, samples=2)
    with pytest.raises(ValueError, match=r"prompt has to contain \{problem\}"):
        Solutions(prompt="Solve it.")
