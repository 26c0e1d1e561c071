"""Adapters that are folded into the weights."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from eapo_verl.sft.export import fold
from workflow.embedded.tokenizer import build_tokenizer

pytestmark = pytest.mark.engine  # imports verl


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_folded_model_gives_the_logits_of_base_and_adapter(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(tmp_path / "policy")
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2,
                         num_attention_heads=2, num_key_value_heads=2, tie_word_embeddings=True)  # fmt: skip
    LlamaForCausalLM(config).to(dtype).save_pretrained(tmp_path / "policy")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "policy", dtype=torch.float32)
    tokens = torch.randint(0, len(tokenizer), (3, 17))
    plain = base(tokens).logits
    adapted = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    wanted = adapted(tokens).logits
    adapted.save_pretrained(tmp_path / "adapter")

    fold(tmp_path / "policy", tmp_path / "adapter", tmp_path / "folded")
    folded = AutoModelForCausalLM.from_pretrained(tmp_path / "folded", dtype="auto")
    assert folded.dtype == dtype and not any("lora" in name for name, _ in folded.named_parameters())
    made = folded.float()(tokens).logits
    # bfloat16 keeps eight bits of a weight.
    error = (made - wanted).abs().max() / (wanted - plain).abs().max()
    assert error < (1e-5 if dtype == torch.float32 else 0.05)
    assert AutoTokenizer.from_pretrained(tmp_path / "folded").chat_template == tokenizer.chat_template
