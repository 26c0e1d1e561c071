"""Muon: torch's own, but for the precision that it computes in."""

from unittest import mock

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from workflow.embedded.muon import Muon, orthogonalised

SHAPES = ((24, 24), (72, 24), (24, 72))


def trained(optimiser: type[torch.optim.Optimizer], steps: int = 3, **options: str) -> list[torch.Tensor]:
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    chosen = optimiser(weights, lr=0.05, weight_decay=0.1, **options)
    for _ in range(steps):
        for weight in weights:
            weight.grad = torch.randn(weight.shape)
        chosen.step()
    return [weight.detach() for weight in weights]


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_out_near_one_and_vectors_as_they_were(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    result = orthogonalised(matrix)
    assert result.shape == matrix.shape
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.6 and values.max() < 1.3
    # left' M right of the matrix's own singular vectors is diagonal.
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    rotated = left.T @ result @ right.T
    assert torch.allclose(rotated, rotated.diagonal().diag(), atol=1e-9)


def test_updates_are_those_of_torch_but_for_its_rounding() -> None:
    ours, theirs = trained(Muon), trained(torch.optim.Muon, adjust_lr_fn="match_rms_adamw")
    start = trained(Muon, steps=0)
    for weight, other, before in zip(ours, theirs, start, strict=True):
        moved = (other - before).norm()
        # Its matrices are in bfloat16, which has eight bits.
        assert 0 < (weight - other).norm() < 0.02 * moved


class Precisions(TorchDispatchMode):
    """Which precisions the results of operations have."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.seen.add(result.dtype)
        return result


def test_everything_is_computed_in_the_precision_of_the_weights() -> None:
    with Precisions() as ours:
        trained(Muon)
    with Precisions() as theirs:
        trained(torch.optim.Muon)
    assert ours.seen == {torch.float32}
    assert torch.bfloat16 in theirs.seen


def test_a_parameter_without_a_gradient_stays() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    with mock.patch("workflow.embedded.muon.orthogonalised", side_effect=AssertionError):
        Muon([weight], lr=0.1, weight_decay=0.1).step()
    assert torch.equal(weight, torch.ones(2, 2))
