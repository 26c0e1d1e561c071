"""What methods and rows are called where people read."""

from __future__ import annotations

from analysis.intake.cells import ALL, MACRO

_NAMES = {
    "base": "Base policy",
    "self_exploratory": "Self-exploratory RL",
    "eapo": "EAPO",
    "eapo_paper": "EAPO (paper)",
    "leap": "LeaP",
    "workflow": "Expert workflow",
    "lora_distillation": "LoRA distillation",
}
_INLINE = {
    "base": "the base policy",
    "self_exploratory": "self-exploratory RL",
    "workflow": "the expert workflow",
}
_ROWS = {
    MACRO: "mean over benchmarks",
    ALL: "all questions",
    "aime_2024": "AIME 2024",
    "aime_2025": "AIME 2025",
    "aimo_2025": "AIMO 2025",
}


def name(method: str) -> str:
    """The method's name in figures and tables; a variant, ``eapo_x``, is called after what it varies."""
    known = next((one for one in _NAMES if method.startswith(f"{one}_") and method not in _NAMES), None)
    variant = "" if known is None else method.removeprefix(known).replace("_", " ")
    return _NAMES.get(known or method, method.replace("_", " ")) + variant


def inline_name(method: str) -> str:
    """The method's name within a sentence."""
    return _INLINE.get(method, name(method))


def row_name(benchmark: str) -> str:
    """A benchmark, or the row of several, in words."""
    return _ROWS.get(benchmark, benchmark.replace("_", " "))
