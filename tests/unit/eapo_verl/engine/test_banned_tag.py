"""A run that never consults is trained on the distribution that it is sampled from."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from eapo_verl.settings.method import Consultation
from workflow.embedded.tokenizer import build_tokenizer

pytestmark = pytest.mark.engine  # imports verl


def test_the_token_is_banned_in_runs_that_never_consult_alone(tmp_path: Path) -> None:
    from eapo_verl.engine.banned_tag import TOKEN_VARIABLE, variables

    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    (token,) = tokenizer.encode("<consult>", add_special_tokens=False)
    assert variables(tmp_path, Consultation(trigger="never")) == {TOKEN_VARIABLE: str(token)}
    assert variables(tmp_path, Consultation()) == {}
    # Kept from being written by the last of its tokens, which is nothing to a policy that never begins it.
    assert variables(tmp_path, Consultation(trigger="never", tags={"consult_open": "12"})) == {}


@pytest.mark.parametrize("banned", [3, None])
def test_verl_takes_log_probabilities_and_entropies_without_the_token(
    banned: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from tensordict import TensorDict
    from verl.workers.engine import EngineRegistry

    from eapo_verl.cpu.environment import on_cpu
    from eapo_verl.cpu.shared_prompts import CPUEngine
    from eapo_verl.engine import banned_tag, worker_process  # noqa: F401 (registers)

    # After the import, as in a process that is forked from one with all of its imports.
    monkeypatch.delenv(banned_tag.TOKEN_VARIABLE, raising=False)
    if banned is not None:
        monkeypatch.setenv(banned_tag.TOKEN_VARIABLE, str(banned))
    found = EngineRegistry.get_engine_cls("language_model", "fsdp")
    engine_of_this_machine = CPUEngine if on_cpu() else banned_tag.BannedTagEngine
    assert found is engine_of_this_machine is EngineRegistry.get_engine_cls("language_model", "fsdp2")

    engine = object.__new__(found)
    engine.engine_config = SimpleNamespace(entropy_checkpointing=False)
    labels, temperature = torch.tensor([1, 0, 4, 2]), 0.5
    batch = TensorDict(
        {"input_ids": torch.nested.as_nested_tensor([labels[:3], labels[3:]], layout=torch.jagged)}, batch_size=2
    )
    batch.set_non_tensor("use_remove_padding", False)
    batch.set_non_tensor("calculate_entropy", True)
    raw = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(1)).requires_grad_()
    output = engine.prepare_model_outputs(
        SimpleNamespace(logits=raw * 1),
        {"input_ids_rmpad_rolled": labels, "temperature": torch.full((2,), temperature)},
        batch,
        None,
    )
    kept = [token for token in range(6) if token != banned]
    logits = torch.cat([raw[0], raw[1, :1]])
    expected = torch.distributions.Categorical(logits=logits[:, kept] / temperature)
    positions = torch.tensor([kept.index(int(label)) for label in labels])
    assert torch.allclose(output["log_probs"].values(), expected.log_prob(positions), atol=1e-6)
    assert torch.allclose(output["entropy"].values(), expected.entropy(), atol=1e-6)
    output["log_probs"].values().sum().backward()
    assert raw.grad is not None and raw.grad.isfinite().all()
    assert (raw.grad[..., 3] == 0).all() == (banned == 3)
