"""Math-Verify as second opinion."""

import pytest

from analysis.intake.verification import Verifier
from tests.responses import HOSTILE, RIGHT


def test_math_verify_is_a_second_opinion_that_survives_what_it_evaluates() -> None:
    with Verifier(deadline_s=0.5) as verifier:
        assert verifier.verify(r"\boxed{25}", "25")
        assert verifier.verify(r"\boxed{\frac{50}{2}}", "25")
        assert not verifier.verify(r"\boxed{26}", "25")
        assert not verifier.verify("no number at all", "25")
        assert verifier.overdue == 0
        # The filter knows powers of powers, not factorials of powers: the child is killed in it, and replaced.
        assert not verifier.verify(r"\boxed{(10^{99})!}", "25")
        assert verifier.overdue == 1
        assert verifier.verify(r"\boxed{\sqrt{625}}", "25")
        for text in HOSTILE.values():
            assert verifier.verify(text, "25") in (True, False)
        assert verifier.verify(r"\boxed{25} once more", "25")


def test_math_verify_and_the_rule_agree_on_plain_answers() -> None:
    with Verifier() as verifier:
        for response, answer in RIGHT[:7]:
            assert verifier.verify(response, answer)


def test_it_is_asked_about_integers_in_digits_alone() -> None:
    with pytest.raises(ValueError, match="x = 25"):
        Verifier().verify("\\boxed{25}", "x = 25")
