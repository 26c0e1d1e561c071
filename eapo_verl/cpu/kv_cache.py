"""The memory that a vLLM engine on a CPU gets for keys and values."""

import json
from pathlib import Path

#: Sequences that an engine answers at once, vLLM's default on a CPU.
SEQUENCES = 256
#: Tokens for which vLLM allots the cache in one piece on a CPU.
BLOCK_TOKENS = 128


def kv_cache_bytes(model: Path, max_model_len: int, most: int = 2**30, sequences: int = SEQUENCES) -> int:
    """Bytes for the keys and values of some sequences of full length.

    vLLM fills its cache with zeros at the start: an ample fixed size costs time and resident memory on a small model.
    Numbers count four bytes, whatever the precision.

    Args:
        model: a folder with ``config.json``.
        max_model_len: the longest sequence, in tokens.
        most: bytes that are not exceeded, unless a single sequence needs more; the size where the architecture names
            its dimensions in a way that is not known here.
        sequences: how many are answered at once.
    """
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config = config.get("text_config", config)
    try:
        heads = config.get("num_key_value_heads") or config["num_attention_heads"]
        head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        token_bytes = 2 * config["num_hidden_layers"] * heads * head_size * 4
    except KeyError:
        return most
    blocks = -(-max_model_len // BLOCK_TOKENS)
    # One block more than the sequences hold: vLLM keeps an empty one.
    one, full = (count * BLOCK_TOKENS * token_bytes for count in (blocks + 1, sequences * blocks + 1))
    return max(one, min(full, most))
