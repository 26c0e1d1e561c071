"""vLLM's own sampler, with the patch and without: what a seeded request gets beside one that has no seed."""

from types import SimpleNamespace

import pytest
import torch

from eapo_verl.cpu.seeded_sampling import keep_seeds

WORDS = 1000


@pytest.mark.engine
def test_a_seeded_request_gets_the_same_beside_one_without_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

    settings = SimpleNamespace(logprobs_mode="raw_logprobs", use_fp64_gumbel=False)

    def drawn(rows: int, seeded: int | None) -> list[int]:
        """A token for each of so many requests, all words as likely; the first ``seeded`` have their number as seed."""
        generators = {row: torch.Generator().manual_seed(row) for row in range(rows if seeded is None else seeded)}
        tokens, _ = TopKTopPSampler.forward_cpu(settings, torch.zeros(rows, WORDS), generators, None, None)
        return tokens.tolist()

    alone = drawn(3, None)
    assert drawn(4, 3)[:3] != alone, "vLLM has mended it: the patch can go"
    # Undone after the test.
    monkeypatch.setattr(TopKTopPSampler, "forward_cpu", TopKTopPSampler.forward_cpu)
    keep_seeds()
    assert drawn(3, None) == drawn(4, 3)[:3] == alone
    assert len(drawn(4, 0)) == 4
