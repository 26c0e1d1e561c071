"""Rewards, called through verl's hook ``reward.custom_reward_function``: training's one place that sees an answer."""

from typing import Any

from eapo_verl.consultation import extract_answer

#: Answers are integers of at most three digits (AIME); more is wrong, and not worth converting.
_MAX_DIGITS = 12


def as_integer(text: str | None) -> int | None:
    """The integer that ``text`` states (sign, leading zeros and thousands separators allowed), else None."""
    if text is None:
        return None
    digits = text.strip().strip("$").replace(",", "").strip()
    body = digits[1:] if digits[:1] in "+-" else digits
    if not body.isascii() or not body.isdigit() or len(body) > _MAX_DIGITS:
        return None
    return int(digits)


def exact(response: str, answer: str) -> float:
    """1.0 where the boxed answer of ``response`` equals the integer ``answer``, else 0.0.

    Not the paper's reward (token F1 with a format credit, see ``f1_paper``): F1 gives '5' against '-5' full marks.
    """
    stated = as_integer(extract_answer(response))
    return float(stated is not None and stated == as_integer(answer))


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None
) -> dict[str, float]:
    """verl's reward hook.

    Args:
        data_source: the problem's set; unused.
        solution_str: the decoded response, consultations and replies included.
        ground_truth: the gold answer.
        extra_info: what the agent loop left: ``final_turn``, the policy's own words after the last reply. An answer
            that an expert gave and the policy did not repeat earns nothing.

    Returns:
        ``score``, the reward that is optimised; ``acc``, 1.0 for a right answer; ``answered``, 1.0 for a boxed integer.
    """
    own = (extra_info or {}).get("final_turn", solution_str)
    score = exact(own, ground_truth)
    return {"score": score, "acc": score, "answered": float(as_integer(extract_answer(own)) is not None)}
