"""Math-Verify as second opinion."""

import subprocess
import sys
import time

import pandas as pd
import pytest

from analysis.intake.samples import Grader, Reference
from analysis.intake.verification import SHORT_DEADLINE_S, Verifier
from analysis.statistics.scores import disagreements
from tests import ROOT
from tests.responses import HOSTILE, RIGHT

#: One answer and a program that asks about it, under a limit of the address space in MiB.
_ASK = """
import resource, sys
limit = int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from analysis import InputError
from analysis.intake.verification import Verifier
with Verifier() as verifier:
    try:
        print(verifier.verify(r"\\boxed{50/2}", "25"), verifier.overdue)
    except InputError as error:
        print(f"InputError: {error}")
"""


def asked_under(limit_mib: int) -> str:
    """What the program says, which inherits its limit to the scorer."""
    command = [sys.executable, "-c", _ASK, str(limit_mib)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT).stdout


def test_math_verify_is_a_second_opinion_that_survives_what_it_evaluates() -> None:
    with Verifier(deadline_s=0.5) as verifier:
        assert verifier.verify(r"\boxed{25}", "25")
        assert verifier.verify(r"\boxed{\frac{50}{2}}", "25")
        assert not verifier.verify(r"\boxed{26}", "25")
        assert not verifier.verify("no number at all", "25")
        assert verifier.overdue == 0
        # The filter knows powers of powers, not factorials of powers: the child is killed in it, and replaced.
        assert verifier.verify(r"\boxed{(10^{99})!}", "25") is None
        assert verifier.overdue == 1
        assert verifier.verify(r"\boxed{\sqrt{625}}", "25")
        for text in HOSTILE.values():
            assert verifier.verify(text, "25") in (True, False, None)
        assert verifier.verify(r"\boxed{25} once more", "25")


def test_math_verify_and_the_rule_agree_on_plain_answers() -> None:
    with Verifier() as verifier:
        for response, answer in RIGHT[:7]:
            assert verifier.verify(response, answer)


def test_it_is_asked_about_integers_in_digits_alone() -> None:
    with pytest.raises(ValueError, match="x = 25"):
        Verifier().verify("\\boxed{25}", "x = 25")


def test_a_users_own_limit_of_memory_is_kept_to_and_a_scorer_that_cannot_work_is_no_verdict() -> None:
    assert asked_under(2048) == "True 0\n"
    # SymPy alone is larger.
    assert asked_under(50).startswith("InputError: the second scorer ended with status ")


def test_costly_responses_have_a_budget_in_common_and_no_verdict() -> None:
    costly = [rf"\boxed{{(x+y+z+w)^{{{power}}}}}" for power in range(990, 999)]
    cheap = [r"\boxed{25}", r"\boxed{24}"]
    with Verifier(deadline_s=0.6, budget_s=0.7) as verifier:
        began = time.process_time()
        assert [verifier.verify(text, "25") for text in costly] == [None] * len(costly)
        assert verifier.overdue == len(costly)
        # Two of them to their deadline, the others to the short one.
        assert verifier._left_s == pytest.approx(0.7 - 2 * (0.6 - SHORT_DEADLINE_S), abs=0.01)
        assert [verifier.verify(text, "25") for text in cheap] == [True, False]
        assert time.process_time() - began < 1.0


def test_what_the_second_scorer_gives_up_is_no_disagreement() -> None:
    texts = [r"\boxed{(10^{99})!}", r"\boxed{25}", r"\boxed{0}"]
    samples = pd.DataFrame(
        {"question_id": "q", "sample": range(3), "response": texts, "n_tokens": 1, "finish_reason": "stop"}
    )
    with Grader() as grader:
        grades = grader.grade(samples, {"q": Reference("25", "integers")})
        assert grader.overdue == 1
    assert list(grades["verify_correct"].isna()) == [True, False, False]
    assert list(disagreements(grades)) == [False, False, False]
    assert list(disagreements(grades.assign(verify_correct=[False, False, True]))) == [False, True, True]
