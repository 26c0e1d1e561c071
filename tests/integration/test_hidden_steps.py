"""An expert that shows results alone, in a training on real engines and as the author of solutions."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from analysis.intake.transcripts import read_transcripts
from tests.expert_server import ExpertServer
from tests.integration.checkout import in_checkout, settings

pytestmark = [pytest.mark.engine, pytest.mark.arm]
SHOWS = r"\\boxed\{[0-9]+\}|=([0-9])"
#: How each of its replies begins; no policy of the world can write it.
STEPS = "two and two=4, so"


def test_no_step_of_an_expert_gets_to_whoever_learns_from_it(checkout: Path, tmp_path: Path) -> None:
    command = settings(
        checkout,
        tmp_path,
        "eapo",
        budget={"steps": 2, "validate_every": 2, "checkpoint_every": 2},
        consultation={"trigger": "learned", "query_prompt": f"echo {STEPS} {{query}}=7"},
    )
    run = yaml.safe_load((tmp_path / "settings.yaml").read_text())
    with ExpertServer() as server:
        run["experts"][0] |= {"base_url": server.base_url, "model": "m", "shows": SHOWS}
        (tmp_path / "settings.yaml").write_text(yaml.safe_dump(run))
        trained = in_checkout(checkout, *command)
        solved = solve(checkout, tmp_path, run["experts"][0])
        said = len(server.received)
    assert trained.returncode == 0, trained.stdout[-6000:]
    assert solved.returncode == 0, solved.stdout[-6000:]

    rollouts = tmp_path / "run" / "rollouts.jsonl.gz"
    queries = [query for one in read_transcripts(rollouts) for turn in one.turns for query in turn.queries]
    assert {query.reply for query in queries if query.fate == "accepted"} == {"7"}
    made = json.loads((tmp_path / "run" / "run.json").read_text())
    assert made["consultations"]["failed"] == 0 < made["consultations"]["accepted"]
    # What it wrote, and not what was shown, is paid for.
    assert made["expert_tokens"] == 7 * made["expert_requests"] > 0

    (solution,) = map(json.loads, (tmp_path / "wise.jsonl").open())
    assert (solution["solution"], solution["tokens"]) == (f"\\boxed{{{solution['answer']}}}", 7)
    assert said == made["expert_requests"] + 8
    for learned_from in (gzip.decompress(rollouts.read_bytes()), (tmp_path / "wise.jsonl").read_bytes()):
        assert b"two and two" not in learned_from


def solve(checkout: Path, folder: Path, expert: dict) -> subprocess.CompletedProcess[str]:
    """The stage of solutions for eight of the smoke experiment's problems, one of which the expert solves."""
    lines = (checkout / "results/smoke/data/train.jsonl").read_text().splitlines()
    problems = {one["answer"]: one for one in map(json.loads, lines)}
    chosen = list(problems.values())[:8]
    (folder / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in chosen))
    prompt = f"echo {STEPS} \\boxed{{{chosen[0]['answer']}}}, of {{problem}}"
    job = {
        "experiment": "mine",
        "expert": expert | {"name": "wise"},
        "problems_file": str(folder / "train.jsonl"),
        "solutions": {"samples": 1, "prompt": prompt},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(job))
    program = [sys.executable, "-m", "workflow.solutions", str(folder / "job.yaml")]
    return in_checkout(checkout, *program, "--out", str(folder / "wise.jsonl"), "--journal", str(folder / "journal"))
