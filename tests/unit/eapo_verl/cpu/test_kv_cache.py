"""How much memory an engine on a CPU gets for keys and values."""

import json
from pathlib import Path
from typing import Any

import pytest

from eapo_verl.cpu.kv_cache import kv_cache_bytes

SIZES = {"num_hidden_layers": 4, "num_attention_heads": 6, "hidden_size": 192}
# Keys and values, 4 layers, 6 heads of 32 numbers, of 4 bytes each.
TOKEN_BYTES = 2 * 4 * 6 * 32 * 4


@pytest.mark.parametrize(
    ("config", "length", "size"),
    [
        (SIZES, 64, (256 * 128 + 128) * TOKEN_BYTES),
        (SIZES, 129, (256 * 256 + 128) * TOKEN_BYTES),
        (SIZES | {"num_key_value_heads": 2, "head_dim": 16}, 64, (256 * 128 + 128) * 1024),
        ({"text_config": SIZES}, 64, (256 * 128 + 128) * TOKEN_BYTES),
    ],
    ids=["one block", "two blocks", "grouped heads", "a part of a larger model"],
)
def test_every_sequence_of_a_small_model_has_its_place(
    config: dict[str, Any], length: int, size: int, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert kv_cache_bytes(tmp_path, length) == size


def test_three_times_the_sequences_have_three_times_the_places(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SIZES))
    assert kv_cache_bytes(tmp_path, 64, sequences=768) == (768 * 128 + 128) * TOKEN_BYTES


def test_it_is_limited_but_holds_one_sequence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SIZES))
    assert kv_cache_bytes(tmp_path, 2**15) == 2**30
    assert kv_cache_bytes(tmp_path, 2**15, most=2**31) == 2**31
    assert kv_cache_bytes(tmp_path, 2**22) == (2**22 + 128) * TOKEN_BYTES


def test_an_architecture_with_other_names_gets_the_limit(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"n_layer": 4, "n_head": 6, "n_embd": 192}))
    assert kv_cache_bytes(tmp_path, 64) == 2**30
