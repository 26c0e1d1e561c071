"""A pass that reads each prompt once has the log-probabilities, entropies and gradients of padded rows."""

from typing import Any

import pytest

pytestmark = pytest.mark.engine  # imports verl

PROMPTS = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 8], [5, 6, 7, 8], [9, 10]]
RESPONSES = [[11, 12, 13], [14], [15, 16], [11, 12, 3, 4, 2], [6, 7]]


def test_where_tokens_stand_and_what_they_see() -> None:
    import torch

    from eapo_verl.cpu.shared_prompts import pack

    rows = [torch.tensor([1, 2, 3, 4]), torch.tensor([1, 2, 5]), torch.tensor([6, 7, 8])]
    packed = pack(rows, [2, 2, 1])
    # 1 2 | 3 | (nothing of the second row but its last token) ; 6 | 7
    assert packed.places.tolist() == [0, 1, 2, 7, 8]
    assert packed.predicting.tolist() == [1, 2, 1, 3, 4]
    assert packed.predicted_from.tolist() == [1, 2, 5, 7, 8]
    assert packed.attends.int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 1, 1],
    ]


def test_a_response_without_a_token_predicts_nothing() -> None:
    import torch

    from eapo_verl.cpu.shared_prompts import pack

    packed = pack([torch.tensor([1, 2]), torch.tensor([1, 2, 3])], [2, 2])
    assert packed.places.tolist() == [0, 1]
    assert (packed.predicting.tolist(), packed.predicted_from.tolist()) == ([1], [3])


def test_passes_are_of_one_prompt_and_within_the_limit() -> None:
    import torch

    from eapo_verl.cpu.micro_batches import of_one_prompt

    rows = [torch.tensor(prompt + response) for prompt, response in zip(PROMPTS, RESPONSES, strict=True)]
    lengths = [len(prompt) for prompt in PROMPTS]
    assert of_one_prompt(rows, lengths, 100) == [[0, 2, 3], [1, 4]]
    assert of_one_prompt(rows, lengths, 9) == [[0, 2], [3], [1, 4]]
    # A row that is too long by itself has a pass of its own, as verl would give it.
    assert of_one_prompt(rows, lengths, 3) == [[0], [2], [3], [1], [4]]


def _policy() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=20,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def _batch(**options: Any) -> Any:
    import torch
    from tensordict import TensorDict
    from verl.utils import tensordict_utils

    def nested(rows: list[list[int]]) -> torch.Tensor:
        return torch.nested.as_nested_tensor([torch.tensor(row) for row in rows], layout=torch.jagged)

    whole = [prompt + response for prompt, response in zip(PROMPTS, RESPONSES, strict=True)]
    batch = TensorDict(
        {
            "input_ids": nested(whole),
            "position_ids": nested([list(range(len(row))) for row in whole]),
            "prompts": nested(PROMPTS),
            "responses": nested(RESPONSES),
        },
        batch_size=len(whole),
    )
    tensordict_utils.assign_non_tensor(batch, temperature=0.7, calculate_entropy=True, **options)
    return batch


def _computed(use_remove_padding: bool) -> dict[str, Any]:
    """Of responses, and the gradient of a sum in which each token has a weight of its own."""
    import torch
    from verl.workers.utils.padding import no_padding_2_padding

    from eapo_verl.cpu.shared_prompts import CPUEngine

    policy, batch = _policy(), _batch(use_remove_padding=use_remove_padding)
    engine = object.__new__(CPUEngine)  # without a process group: these two methods ask nothing of it but this
    engine.pad_to_length = False
    engine.engine_config = type("Config", (), {"entropy_checkpointing": False})
    inputs, arguments = engine.prepare_model_inputs(batch)
    if use_remove_padding:
        assert inputs["input_ids"].shape == (1, 4 + 2 + 1 + 4 + 2 + 1)
    outputs = engine.prepare_model_outputs(policy(**inputs, use_cache=False), arguments, batch, None)
    computed = {name: no_padding_2_padding(outputs[name], batch) for name in ("log_probs", "entropy")}
    real = torch.arange(5) < torch.tensor([len(response) for response in RESPONSES])[:, None]
    weights = torch.arange(25.0).reshape(5, 5).sin() * real
    ((computed["log_probs"] + 0.3 * computed["entropy"]) * weights).sum().backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in policy.parameters()])
    return {name: value.detach()[real] for name, value in computed.items()} | {"gradient": gradient}


@pytest.mark.parametrize("banned", [None, 12])
def test_the_numbers_are_those_of_padded_rows(banned: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from eapo_verl.engine.banned_tag import TOKEN_VARIABLE

    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    if banned is not None:
        monkeypatch.setenv(TOKEN_VARIABLE, str(banned))
    padded, shared = _computed(False), _computed(True)
    assert padded["gradient"].abs().max() > 0.1
    for name, values in padded.items():
        torch.testing.assert_close(shared[name], values, rtol=1e-4, atol=1e-6)


def test_what_it_has_not_is_refused() -> None:
    from eapo_verl.cpu.shared_prompts import CPUEngine, prompt_lengths_of

    engine = object.__new__(CPUEngine)
    for option in ("use_fused_kernels", "distillation_use_topk", "calculate_sum_pi_squared"):
        with pytest.raises(NotImplementedError, match=f"use_remove_padding on a CPU: it has no {option}"):
            engine.prepare_model_inputs(_batch(use_remove_padding=True, **{option: True}))
    with pytest.raises(ValueError, match="these rows have no prompts"):
        prompt_lengths_of(_batch().select("input_ids"))
