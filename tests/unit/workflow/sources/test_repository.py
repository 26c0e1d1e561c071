"""Models and problems of a hub, through `HF_ENDPOINT` and the command lines that the rules call."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import ROOT
from tests.hub_server import COMMIT, TOKEN, Hub, Repo

CARD = b"---\nlicense: apache-2.0\n---\nA card.\n"
BEFORE, AFTER = "Solve it.\n\n", "\n\nWell?"


def parquet(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def row(text: str, answer: str, index: str, ability: str = "MATH") -> dict[str, object]:
    """As verl's data sets have it."""
    return {
        "prompt": [{"role": "user", "content": BEFORE + text + AFTER}],
        "reward_model": {"ground_truth": answer, "style": "rule"},
        "extra_info": {"index": index},
        "ability": ability,
    }


ROWS = [
    row("One and one?", "2", "a"),
    row("Two and two?", "4", "b"),
    row("one  and one?", "002", "a"),
    row("Three and three?", "6", "c"),
    row("three and three?", "7", "d"),
    row("Say hello", "0", "e", "CHAT"),
    row("A half?", "1/2", "f"),
]
MODEL = {
    "README.md": CARD,
    "config.json": b'{"max_position_embeddings": 64}',
    "model-00001-of-00001.safetensors": b"weights",
    "model.safetensors.index.json": b"{}",
    "tokenizer.json": b"{}",
    "pytorch_model.bin": b"no",
    "code.py": b"no",
    "original/model.safetensors": b"no",
}
PROBLEMS = {"README.md": CARD, "data/all.parquet": parquet(ROWS), "dataset_infos.json": b"[]"}
REPOS = {
    "models/them/model": Repo(MODEL),
    "models/them/short": Repo(MODEL),
    "models/them/closed": Repo(MODEL, gated=True),
    "models/them/spoiled": Repo(MODEL, wrong={"model-00001-of-00001.safetensors"}),
    "models/them/old": Repo({"README.md": CARD, "config.json": b"{}", "pytorch_model.bin": b""}),
    "datasets/them/problems": Repo(PROBLEMS),
}
SELECTION = {
    "template": {"before": BEFORE, "after": AFTER},
    "filters": {"ability": ["MATH"]},
    "deduplicate": True,
    "unusable": "left_out",
}


def model(name: str, out: str, *more: str, revision: str = COMMIT) -> list[str]:
    return ["fetched_model", f"--repo=them/{name}", f"--revision={revision}", f"--out={out}", *more]


PROBLEMS_OF_HUB = ["hub_problems", "--repo=them/problems", f"--revision={COMMIT}", f"--select={json.dumps(SELECTION)}"]


class Done(NamedTuple):
    status: int
    said: str


# One process for several commands: the library takes a second to import, and reads its variables when it is.
SCRIPT = """
import contextlib, importlib, io, json, os, sys
from workflow.command import run_command
for token, name, *arguments in json.loads(sys.argv[1]):
    os.environ["HF_TOKEN"] = token
    command = importlib.import_module(f"workflow.sources.{name}").command
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = run_command("sources", lambda given: print(command(given)), arguments)
    print(json.dumps([status, said.getvalue()]))
"""


def commands(folder: Path, endpoint: str, listed: list[list[str]], **variables: str) -> list[Done]:
    """What each of the commands ends with, all in one process that works in `folder` and has its hub's cache there."""
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache"), "HF_HUB_DISABLE_XET": "1"}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([[TOKEN if "opened" in one[-1] else "", *one] for one in listed])],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT)} | own | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


class Made(NamedTuple):
    folder: Path
    done: dict[str, Done]
    asked: list[str]
    endpoint: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """What was said by commands, by their names; the hub is gone before the last of them."""
    folder = tmp_path_factory.mktemp("hub")
    first = {
        "model": model("model", "model", "--reads=key=64"),
        "problems": [*PROBLEMS_OF_HUB, "--out=problems.jsonl"],
        "asked": [*PROBLEMS_OF_HUB, "--instruction=Be brief.", "--out=asked.jsonl"],
        "short": model("short", "short", "--reads=evaluation.max_model_len=65"),
        "gated": model("closed", "closed"),
        "unknown": model("nobody", "nobody"),
        "moved": model("model", "moved", revision="f" * 40),
        "spoiled": model("spoiled", "spoiled"),
        "old": model("old", "old"),
        "no gguf": model("model", "gguf", "--gguf=q4.gguf"),
        "with token": model("closed", "opened"),
        "no split": [*PROBLEMS_OF_HUB, "--split=test", "--out=test.jsonl"],
    }
    later = {
        "again": model("model", "again"),
        "problems again": [*PROBLEMS_OF_HUB, "--out=again.jsonl"],
        "absent": model("old", "absent"),
        "partial": model("short", "partial"),
    }
    with Hub(REPOS) as hub:
        done = dict(zip(first, commands(folder, hub.endpoint, [*first.values()]), strict=True))
        asked = [*hub.asked]
        endpoint = hub.endpoint
    offline = commands(folder, endpoint, [*later.values()], HF_HUB_OFFLINE="1")
    [gone] = commands(folder, endpoint, [model("other", "gone")])
    done |= dict(zip(later, offline, strict=True)) | {"gone": gone}
    yield Made(folder, done, asked, endpoint)


def test_a_model_is_linked_to_the_cache_and_says_where_it_is_from(made: Made) -> None:
    assert made.done["model"].status == 0, made.done["model"].said
    kept = {name: content for name, content in MODEL.items() if content != b"no"}
    folder = made.folder / "model"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "source.json"} == kept
    assert all(path.is_symlink() for path in folder.iterdir() if path.name != "source.json")
    assert json.loads((folder / "source.json").read_text()) == {
        "repository": "them/model",
        "revision": COMMIT,
        "license": "apache-2.0",
        "bytes": sum(map(len, kept.values())),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(kept.items())},
    }
    assert not any(path.endswith((".bin", ".py", "original/model.safetensors")) for path in made.asked)
    # Of a model that reads too little, no weights are.
    assert not any(path.startswith("/them/short/resolve/") and "safetensors" in path for path in made.asked)


def test_rows_are_selected_and_what_is_left_out_is_counted(made: Made) -> None:
    assert made.done["problems"].status == 0, made.done["problems"].said
    lines = (made.folder / "problems.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": name, "problem": text, "answer": answer, "source": "them/problems@12345678 train", "task": "integers"}
        for name, text, answer in (("a", "One and one?", "2"), ("b", "Two and two?", "4"))
    ]
    asked = (made.folder / "asked.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in asked] == [json.loads(line) | {"instruction": "Be brief."} for line in lines]
    source = json.loads((made.folder / "problems.source.json").read_text())
    left_out = {"repeated": 1, "contradicted": 2, "filtered": 1, "unusable": 1}
    assert (source["problems"], source["left_out"], source["license"]) == (2, left_out, "apache-2.0")
    assert source["sha256"] == {"data/all.parquet": hashlib.sha256(PROBLEMS["data/all.parquet"]).hexdigest()}
    assert "1 repeated" in made.done["problems"].said and "2 contradicted" in made.done["problems"].said


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "short",
            "evaluation.max_model_len: 65 tokens are more than them/short@12345678 config.json reads, which are 64",
        ),
        ("gated", "them/closed@12345678: it is gated, and no token is set (HF_TOKEN): accept its terms on http"),
        ("unknown", "has no such model, or it is private, and no token is set (HF_TOKEN)"),
        ("moved", f"it has no revision {'f' * 40}: allowed is a commit that"),
        ("spoiled", "model-00001-of-00001.safetensors: its sha256 begins"),
        ("old", "it holds no model*.safetensors; a model has it, or gguf names a file"),
        ("no gguf", "it has no file q4.gguf; GGUF files that it has: none"),
        ("no split", "no file of the split 'test' (config 'default')"),
        ("absent", "it is not in the cache (HF_HOME), and HF_HUB_OFFLINE forbids to ask for it"),
        ("partial", "it is not in the cache (HF_HOME), and HF_HUB_OFFLINE forbids to ask for it"),
        ("gone", "it is not in the cache (HF_HOME), and http://127.0.0.1"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_leaves_nothing(made: Made, name: str, complaint: str) -> None:
    done = made.done[name]
    assert (done.status, done.said.count("\n")) == (2, 1), done.said
    assert complaint in done.said
    assert TOKEN not in done.said
    assert not any(path.name.startswith((name, f".{name}")) for path in made.folder.iterdir())


def test_a_token_opens_and_the_cache_needs_no_hub(made: Made) -> None:
    assert made.done["with token"].status == 0, made.done["with token"].said
    assert (made.folder / "opened" / "config.json").read_bytes() == MODEL["config.json"]
    for name in ("again", "problems again"):
        assert made.done[name].status == 0, made.done[name].said
    assert (made.folder / "again.jsonl").read_bytes() == (made.folder / "problems.jsonl").read_bytes()
    assert (made.folder / "again/source.json").read_bytes() == (made.folder / "model/source.json").read_bytes()
