"""Placements that verl or vLLM would not take, each with its key."""

from typing import Any

import pytest

from eapo_verl.settings.placement import (
    RL,
    SFT,
    Heads,
    accelerators,
    micro_batch_tokens,
    rl_complaints,
    sft_complaints,
)

SEVEN = Heads(28, 4)
ULYSSES, TP = RL.ulysses, "actor_rollout_ref.rollout.tensor_model_parallel_size"
TEACHER_TP = "distillation.teacher_models.teacher_model.inference.tensor_model_parallel_size"


def rl(verl: dict[str, Any], heads: Heads | None = SEVEN, teacher: bool = False) -> list[str]:
    return list(rl_complaints({RL.gpus: 8} | verl, 32_768, heads, teacher, Heads(40, 8)))


def test_heads_are_those_of_a_configuration() -> None:
    assert Heads.of({"num_attention_heads": 28, "num_key_value_heads": 4}) == SEVEN
    assert Heads.of({"text_config": {"num_attention_heads": 6}}) == Heads(6, 6)


@pytest.mark.parametrize("verl", [{}, {ULYSSES: 4}, {ULYSSES: 2, TP: 4}, {RL.nodes: 2, ULYSSES: 4}, {RL.packed: False}])
def test_what_goes_together_is_not_complained_of(verl: dict[str, Any]) -> None:
    assert rl(verl) == []


@pytest.mark.parametrize(
    ("verl", "said"),
    [
        ({ULYSSES: 3}, f"{ULYSSES}: 3 do not divide the 8 accelerators"),
        ({ULYSSES: 8}, f"{ULYSSES}: 8 do not go into 28 heads of queries and 4 of keys and values"),
        ({ULYSSES: 4, RL.packed: False}, f"{ULYSSES}: rows are spread over 4 accelerators by flash attention"),
        ({ULYSSES: 4, RL.attention: "sdpa"}, f"{ULYSSES}: rows are spread over 4 accelerators by flash attention"),
        (
            {ULYSSES: 4, RL.tokens: 8_191},
            f"{RL.tokens}: 8191 tokens on each of the 4 accelerators of a row",
        ),
        (
            {"actor_rollout_ref.rollout.log_prob_max_token_len_per_gpu": 9},
            "actor_rollout_ref.rollout.log_prob_max_token_len_per_gpu: 9 tokens on each of the 1",
        ),
        (
            {"actor_rollout_ref.rollout.log_prob_use_dynamic_bsz": False},
            "actor_rollout_ref.rollout.log_prob_use_dynamic_bsz: it has to be what actor_rollout_ref.actor.use_dyn",
        ),
        ({RL.gpus: 0}, f"{RL.gpus}: allowed are 1, 2, …, not 0"),
        ({ULYSSES: 0}, f"{ULYSSES}: allowed are 1, 2, …, not 0"),
        ({TP: -1}, f"{TP}: allowed are 1, 2, …, not -1"),
        ({RL.nodes: 1.5}, f"{RL.nodes}: allowed are 1, 2, …, not 1.5"),
        (
            {ULYSSES: 4, RL.attention.rpartition(".")[0]: {"attn_implementation": "sdpa"}},
            f"{ULYSSES}: rows are spread over 4 accelerators by flash attention",
        ),
        ({TP: 3}, f"{TP}: 3 do not divide the 8 accelerators that train"),
        ({TP: 8}, f"{TP}: 8 do not go into 28 heads"),
        ({TP: 4, "actor_rollout_ref.rollout.data_parallel_size": 4}, f"{TP}: 16 do not divide the 8 accelerators"),
    ],
)
def test_what_would_stop_a_run_later_is_one_line(verl: dict[str, Any], said: str) -> None:
    complaint, *_ = rl(verl)
    assert complaint.startswith(said) and "\n" not in complaint


def test_a_teacher_has_accelerators_and_heads_of_its_own() -> None:
    assert rl({TEACHER_TP: 3}) == []
    assert [one.partition(": ")[2] for one in rl({TEACHER_TP: 3}, teacher=True)] == [
        "3 do not divide the 1 accelerators of the teacher",
        "3 do not go into 40 heads of queries and 8 of keys and values",
    ]
    assert rl({TEACHER_TP: 2, "distillation.n_gpus_per_node": 4}, teacher=True) == []


def test_a_micro_batch_holds_the_longest_row() -> None:
    assert micro_batch_tokens(RL, {}, 32_768) == 32_768
    assert micro_batch_tokens(RL, {ULYSSES: 4}, 32_768) == micro_batch_tokens(RL, {}, 200) == 16_384
    assert micro_batch_tokens(SFT, {SFT.tokens: 9}, 32_768) == 9


def test_texts_of_a_step_are_divided_without_rest() -> None:
    verl = {SFT.gpus: 8, SFT.ulysses: 2, SFT.nodes or "": 9}
    assert accelerators(SFT, verl) == 8 and list(sft_complaints(verl, 100, SEVEN, batch=8)) == []
    assert len(list(sft_complaints({SFT.ulysses: 0, SFT.gpus: 0}, 100, SEVEN, batch=8))) == 2
    (said,) = sft_complaints(verl, 100, SEVEN, batch=6)
    assert said.startswith("trainer.n_gpus_per_node: an optimiser step is of 6 texts, which 4 parts")
