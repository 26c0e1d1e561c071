"""Models out of GGUF files: what is refused before anything is expanded, and what is written down."""

import hashlib
import json
from pathlib import Path

import pytest
from gguf import GGUFWriter

from tests.default_experiment import broken
from workflow.experiment import load_experiment
from workflow.methods import ExperimentError
from workflow.sources import fetched_model
from workflow.sources.command import SourceError
from workflow.sources.gguf import read_metadata


def gguf(path: Path, splits: str) -> Path:
    """A file that has metadata and no weights."""
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_license("mit")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splits)
    writer.add_token_list(["a", "b"])
    writer.add_chat_template("{{ thinks }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_file_of_this_machine_is_expanded_and_says_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(file: Path, out: Path, dtype: str) -> None:
        out.mkdir()
        (out / "config.json").write_text(f"{file.name} {dtype}")

    monkeypatch.setattr(fetched_model, "convert", convert)
    file, out = gguf(tmp_path / "small.gguf", "qwen2"), tmp_path / "model"
    fetched_model.command(["--gguf", str(file), "--out", str(out), "--reads=key=512"])
    assert (out / "config.json").read_text() == "small.gguf bfloat16"
    assert json.loads((out / "source.json").read_text()) == {
        "license": "mit",
        "bytes": file.stat().st_size,
        "sha256": {"small.gguf": hashlib.sha256(file.read_bytes()).hexdigest()},
        "dtype": "bfloat16",
    }
    with pytest.raises(SourceError, match=r"^key: 513 tokens are more than small\.gguf reads, which are 512$"):
        fetched_model.command(["--gguf", str(file), "--out", str(out), "--reads=key=513"])
    assert (out / "config.json").is_file()


def test_what_a_chat_template_is_told_is_looked_up_in_the_file(tmp_path: Path) -> None:
    file = gguf(tmp_path / "small.gguf", "gpt-2")
    policy = {"source": "local", "path": str(file)}
    load_experiment(broken(models__policy=policy, chat_template_kwargs={"thinks": True}), "c")
    unread = r"chat_template_kwargs: 'more' is nothing that the chat template of models\.policy reads$"
    with pytest.raises(ExperimentError, match=unread):
        load_experiment(broken(models__policy=policy, chat_template_kwargs={"more": True}), "c")
    file.write_bytes(b"GGUF")
    other = {"source": "local", "path": str(file.rename(tmp_path / "other.gguf"))}
    with pytest.raises(ExperimentError, match=r"models\.policy\.path: .*not a GGUF file that can be read"):
        load_experiment(broken(models__policy=other, chat_template_kwargs={"more": True}), "c")


def test_a_tokenizer_that_would_split_text_otherwise_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"splits text as llama-bpe \(gpt2\); known here are gpt-2 .*as safetensors"):
        read_metadata(gguf(tmp_path / "other.gguf", "llama-bpe"))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"x" * 100, b"GGUF\x03" + b"\xff" * 60])
def test_what_is_no_gguf_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "no.gguf"
    file.write_bytes(content)
    with pytest.raises(SourceError, match="not a GGUF file that can be read") as caught:
        read_metadata(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--repo=a/b"], "--repo and --revision are needed, or --gguf alone"),
        (["--gguf=absent.gguf"], "absent.gguf: not a GGUF file that can be read"),
        (["--gguf=absent.gguf", "--reads=many"], "--reads is 'many'; it must be KEY=TOKENS"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    with pytest.raises(SourceError) as caught:
        fetched_model.command([*arguments, f"--out={tmp_path / 'out'}"])
    assert complaint in str(caught.value)
    assert not (tmp_path / "out").exists()
