"""What samples that were drawn before have cost, for those that may cost as much."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from eapo_verl.record.costs import forward_flops
from workflow.sampling.request import SamplingError


def flops_a_sample(files: Sequence[Path]) -> float:
    """FLOPs of writing a sample, the mean over all samples of all `files` (``<benchmark>.provenance.json``).

    A token weighs by the parameters of the model that wrote it, the policy or an expert. What they read is not counted:
    of the policy, samples do not say it.

    Raises SamplingError, naming the file, where one does not say it, an expert's size is unknown, or nothing was
    written.
    """
    found = [_read(path) for path in files]
    samples, flops = (sum(numbers) for numbers in zip(*found, strict=True)) if found else (0, 0.0)
    if flops <= 0:
        raise SamplingError(f"--samples-of: {', '.join(map(str, files)) or 'no file'}: nothing was written there")
    return flops / samples


def _read(path: Path) -> tuple[int, float]:
    """How many samples, and the FLOPs of all."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tokens, sizes = content["tokens_of_experts"], content["expert_parameters"]
        if sum(tokens.values()) != content["expert_tokens"]:
            raise ValueError("experts' tokens are not told apart by their names")
        flops = forward_flops(content["policy_parameters"], content["output_tokens"])
        flops += sum(forward_flops(sizes[name], count) for name, count in tokens.items())
        return content["questions"] * content["samples"], flops
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SamplingError(
            f"--samples-of: {path} does not say what its samples cost ({type(error).__name__}: {error}); samples of an "
            "older version are drawn anew without their folder's .drawn"
        ) from error
