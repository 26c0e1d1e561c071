"""The sampling command on the real engine, with a random character-level model built here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from eapo_verl.cpu.precision import instruction_set
from tests import ROOT

pytestmark = pytest.mark.engine

ALPHABET = "0123456789+-*@#=;,|"
SAMPLES = 16
MAX_TOKENS = 48
QUESTIONS = {"chains_a": ["4+7@3;1*2;9#5-8", "1+1;2*3@4;5-6"], "chains_b": ["3*3;2-1;0#4"]}

# Rows and provenance, by benchmark.
Sampled = tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, Any]]]


def _build_model(folder: Path) -> None:
    # Head size 32, tied embeddings and added tokens that are not special: the shape of the embedded world's
    # policy.
    vocabulary = ["<pad>", "<s>", "</s>", *ALPHABET, "}", "\n"]
    characters = Tokenizer(models.WordLevel({c: i for i, c in enumerate(vocabulary)}, unk_token="<pad>"))
    characters.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    characters.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=characters, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<pad>"
    )
    words = ["\\boxed{", "<consult>"]
    tokenizer.add_tokens([AddedToken(word, special=False, normalized=False) for word in words])
    tokenizer.chat_template = "{{ bos_token }}{% for m in messages %}{{ m.content + '\n' }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def _run(
    python: str,
    folder: Path,
    out: str,
    *options: str,
    names: Iterable[str] = tuple(QUESTIONS),
    program: tuple[str, ...] = ("-m", "workflow.sampling"),
) -> int:
    """Runs the command as a user does; its exit status."""
    command = [python, *program, "--model", str(folder / "model"), "--out-dir", str(folder / out)]
    for name in names:
        command += ["--benchmark", f"{name}={folder / name}.jsonl"]
    command += ["--samples", str(SAMPLES), "--max-tokens", str(MAX_TOKENS), "--temperature", "1", "--top-p", "1"]
    command += ["--max-model-len", "96", "--seed", "7", *options]
    # Offline: a run with everything local may ask nobody for anything.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    print(process.stderr)
    return process.returncode


def _sample(python: str, folder: Path, out: str, *options: str) -> Sampled:
    """The rows and the provenance of every benchmark, of a run that comes to its end."""
    assert _run(python, folder, out, *options) == 0
    expected = {f"{name}{ending}" for name in QUESTIONS for ending in (".jsonl", ".provenance.json")}
    assert {path.name for path in (folder / out).iterdir()} == expected | {".drawn"}
    rows = {
        name: [json.loads(line) for line in (folder / out / f"{name}.jsonl").read_text().splitlines()]
        for name in QUESTIONS
    }
    return rows, {name: json.loads((folder / out / f"{name}.provenance.json").read_text()) for name in QUESTIONS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sampling")
    _build_model(folder / "model")
    for name, problems in QUESTIONS.items():
        rows = [
            {"id": f"{name}-{i}", "problem": p, "answer": "1", "task": "integers_bare"} for i, p in enumerate(problems)
        ]
        lines = [json.dumps(row) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def free(python: str, folder: Path) -> Sampled:
    """A run with nothing banned."""
    return _sample(python, folder, "free")


def test_every_question_has_k_whole_samples_in_order(free: Sampled) -> None:
    rows, _ = free
    for name, problems in QUESTIONS.items():
        order = [(f"{name}-{i}", sample) for i in range(len(problems)) for sample in range(SAMPLES)]
        assert [(row["question_id"], row["sample"]) for row in rows[name]] == order
        for row in rows[name]:
            own = {"question_id", "sample", "response", "n_tokens", "finish_reason"}
            experts = {name: value for name, value in row.items() if name not in own}
            assert own < set(row) and set(experts.values()) == {0}
            assert row["finish_reason"] in ("stop", "length")
            assert 1 <= row["n_tokens"] <= MAX_TOKENS
            assert row["finish_reason"] == "stop" or row["n_tokens"] == MAX_TOKENS
            assert "</s>" not in row["response"]


def test_samples_of_a_question_are_different_draws(free: Sampled) -> None:
    # The model is close to uniform over 26 tokens: draws that share a seed would all be the same text, and
    # draws of their own seed can only coincide when they end at once.
    rows, provenance = free
    for name, lines in rows.items():
        for question, count in Counter(row["question_id"] for row in lines).items():
            responses = [row["response"] for row in lines if row["question_id"] == question]
            long = [text for text in responses if len(text) > 8]
            assert count == SAMPLES
            assert len(long) > 2
            assert len(set(long)) == len(long)
        assert provenance[name]["duplicate_rate"] < 0.5
    by_sample = [row["response"] for lines in rows.values() for row in lines if row["sample"] == 0]
    assert len(set(by_sample)) == len(by_sample)


def test_provenance_says_where_the_samples_come_from(free: Sampled) -> None:
    rows, by_name = free
    for name, provenance in by_name.items():
        assert provenance["output_tokens"] == sum(row["n_tokens"] for row in rows[name])
        assert provenance["truncated"] == sum(row["finish_reason"] == "length" for row in rows[name])
        assert (provenance["questions"], provenance["samples"]) == (len(QUESTIONS[name]), SAMPLES)
        assert provenance["sampling"]["seed"] == 7
        assert provenance["drawn_together"] == sorted(QUESTIONS)
        assert provenance["hardware"]["instruction_set"] == instruction_set()
        assert re.fullmatch("[0-9a-f]{40}(-dirty)?|unknown", provenance["git_sha"])
        if not provenance["hardware"]["accelerators"]:
            # The checkpoint is in float32, which vLLM itself would round to bfloat16 where nothing is asked for.
            assert provenance["precision"] == {"requested": "auto", "effective": "float32"}
        assert set(provenance["versions"]) == {"lm_eval", "vllm", "transformers", "torch"}
        assert len(provenance["chat_template_sha256"]) == len(provenance["prompts_sha256"]) == 64


def test_a_rerun_draws_the_same_and_a_ban_is_kept(python: str, folder: Path, free: Sampled) -> None:
    before = [row["response"] for lines in free[0].values() for row in lines]
    pairs = Counter(text[i : i + 2] for text in before for i in range(len(text) - 1))
    pair = next(pair for pair, _ in pairs.most_common() if all(c in ALPHABET for c in pair))
    banned = ("<consult>", pair)  # one added token; two tokens
    assert all(any(text in response for response in before) for text in banned)
    rows, provenance = _sample(python, folder, "banned", *(part for text in banned for part in ("--ban", text)))
    after = [row["response"] for lines in rows.values() for row in lines]
    assert not any(text in response for text in banned for response in after)
    assert any("\\boxed{" in response for response in after)
    assert all(record["responses_with_banned_text"] == 0 for record in provenance.values())
    # A ban changes a draw only where the banned token was drawn: every other sample is the same in both runs.
    untouched = [(old, new) for old, new in zip(before, after, strict=True) if not any(text in old for text in banned)]
    assert any(len(old) > 8 for old, _ in untouched)
    assert all(old == new for old, new in untouched)


# The command, in a process that is killed as soon as FINISHED samples are on disk.
KILLED = """
import os, signal, sys
from workflow.sampling.__main__ import main
from workflow.sampling.journal import Journal
from tests import ROOT

finished = int(sys.argv.pop(1))
add = Journal.add

def add_and_die(journal, seed, completion):
    global finished
    add(journal, seed, completion)
    finished -= 1
    if not finished:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.add = add_and_die
main(sys.argv[1:])
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_samples(python: str, folder: Path, free: Sampled) -> None:
    # The first is one of another request: it is left behind.
    for options in (["--ban", "@"], []):
        assert _run(python, folder, "killed", *options, program=("-c", KILLED, "11")) == -signal.SIGKILL
        assert [path.name for path in (folder / "killed").iterdir()] == [".drawn"]
    with (folder / "killed" / ".drawn" / "chains_a.journal").open("a") as file:
        file.write('{"seed": 1, "respo')
    rows, provenance = _sample(python, folder, "killed")
    assert sum(one["samples_taken_over"] for one in provenance.values()) == 11
    assert rows == free[0]


def test_samples_do_not_depend_on_which_benchmarks_are_drawn_together(python: str, folder: Path, free: Sampled) -> None:
    # One alone, then the other one more: the first is neither drawn nor written again.
    assert _run(python, folder, "added", names=["chains_b"]) == 0
    alone = folder / "added" / "chains_b.jsonl"
    before = alone.read_bytes()
    assert _run(python, folder, "added", "--only", "draw") == 0
    assert _run(python, folder, "added", "--only", "write", names=["chains_a"]) == 0
    assert alone.read_bytes() == before
    provenance = json.loads((folder / "added" / "chains_a.provenance.json").read_text())
    assert provenance["drawn_together"] == ["chains_a"]
    for name, rows in free[0].items():
        lines = (folder / "added" / f"{name}.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == rows
