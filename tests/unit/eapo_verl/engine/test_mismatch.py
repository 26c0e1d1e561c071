"""The mismatch between engine and trainer, against the divergence of distributions that are known."""

import math

import pytest
import torch

from eapo_verl.engine.mismatch import is_measured, mismatch_kl


def test_it_estimates_the_divergence_of_what_was_sampled() -> None:
    engine, trainer = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.4, 0.4, 0.2])
    drawn = torch.multinomial(engine, 200_000, replacement=True, generator=torch.Generator().manual_seed(1))
    exact = float((engine * (engine / trainer).log()).sum())
    assert mismatch_kl([(engine.log()[drawn], trainer.log()[drawn])]) == pytest.approx(exact, rel=0.02)


def test_tokens_that_the_engine_did_not_sample_do_not_count() -> None:
    engine = torch.tensor([math.nan, -1.0, math.nan])
    trainer = torch.tensor([-9.0, -1.0 + math.log(2), 3.0])
    assert mismatch_kl([(engine, trainer)]) == pytest.approx(2 - 1 - math.log(2))


def test_equal_log_probabilities_give_zero_and_no_token_gives_none() -> None:
    same = torch.tensor([-0.5, -2.0])
    assert mismatch_kl([(same, same)]) == 0.0
    assert mismatch_kl([(torch.full((2,), math.nan), same)]) is None and mismatch_kl([]) is None


def test_it_is_measured_in_the_first_step_and_wherever_there_is_a_validation() -> None:
    assert [step for step in range(1, 25) if is_measured(step, 8)] == [1, 8, 16, 24]
