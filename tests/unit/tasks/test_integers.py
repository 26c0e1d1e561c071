"""Reading a boxed integer out of a response, and Math-Verify as second opinion."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.intake.verification import Verifier
from tasks.integers import Grade, grade, last_box, read_integer

# Whether a call is quick depends on the machine.
untimed = settings(deadline=None, max_examples=50)

RIGHT = [
    (r"\boxed{25}", "25"),
    (r"so the answer is $\boxed{25}$.", "25"),
    (r"4+7=1,1@3=6;1*2=2;9#5=4,4-8=6;\boxed{034}", "34"),
    (r"\boxed{025}", "25"),
    (r"\boxed{000}", "0"),
    (r"\boxed{25}", "025"),
    (r"\boxed{ 25 }", "25"),
    (r"\boxed {25}", "25"),
    (r"\fbox{25}", "25"),
    (r"\boxed{\boxed{25}}", "25"),
    (r"\boxed{\text{25}}", "25"),
    (r"\boxed{\mathrm{25}}", "25"),
    (r"\boxed{\textbf{25}}", "25"),
    (r"\boxed{{25}}", "25"),
    (r"\boxed{$25$}", "25"),
    (r"\boxed{\(25\)}", "25"),
    (r"\boxed{25.}", "25"),
    (r"\boxed{25.0}", "25"),
    (r"\boxed{25,}", "25"),
    (r"\boxed{+25}", "25"),
    (r"\boxed{1,024}", "1024"),
    (r"\boxed{1{,}024}", "1024"),
    (r"\boxed{1\,024}", "1024"),
    (r"\boxed{1,\!024}", "1024"),
    (r"\boxed{12 345 678}", "12345678"),
    (r"\boxed{25\text{ cm}}", "25"),
    (r"\boxed{25\text{ m}^2}", "25"),
    (r"\boxed{25 \mathrm{km/h}}", "25"),
    (r"\boxed{25 cm}", "25"),
    (r"\boxed{25 square units.}", "25"),
    (r"\boxed{25^\circ}", "25"),
    (r"\boxed{25^{\circ}}", "25"),
    (r"\boxed{25°}", "25"),
    (r"\boxed{25\%}", "25"),
    (r"\boxed{\$25}", "25"),
    (r"\boxed{x = 25}", "25"),
    (r"\boxed{m+n=25}", "25"),
    (r"\boxed{25 \pmod{1000}}", "25"),
    (r"\boxed{\displaystyle 25}", "25"),
    (r"\boxed{-7}", "-7"),
    (r"\boxed{−7}", "-7"),
    (r"\boxed{－７}", "-7"),
    (r"\boxed{２５}", "25"),
    (r"\boxed{٢٥}", "25"),
    (r"\boxed{(25)}", "25"),
    (r"\boxed{\left(25\right)}", "25"),
    (r"\boxed{\color{red}25}", "25"),
    (r"\boxed{\textcolor{blue}{25}}", "25"),
    (r"\boxed{\underline{25}}", "25"),
    (r"\boxed{1\text{,}024}", "1024"),
    (r"\boxed{1,024.00}", "1024"),
    (r"\boxed{0,025}", "25"),
    (r"\boxed{250,260}", "250260"),
    (r"\boxed{25.}.", "25"),
    (r"\boxed{25 \text{ units}.}", "25"),
    (r"\boxed{25^\circ\text{C}}", "25"),
    (r"\boxed{25^\circ \text{ clockwise}}", "25"),
    (r"\boxed{25\textdegree}", "25"),
    (r"\boxed{25°F}", "25"),
    (r"\boxed{25\%.}", "25"),
    (r"\boxed{N \equiv 25 \pmod{1000}}", "25"),
    (r"\boxed{1025 ≡ 25 (mod 1000)}", "25"),
    (r"\boxed{24 = 25}", "25"),
    (r"\boxed{f(x, y) = 1{,}000 = 25}", "25"),
    (r"\boxed{25 \mod 1000}", "25"),
    (r"\boxed{25\text{ mod } 1000}", "25"),
    (r"\boxed{25 \ (\mathrm{mod}\ 1000)}", "25"),
    (r"\boxed{25\;(\bmod\;1000)}", "25"),
    (r"\boxed{\text{Area} = 25\text{ cm}^{2}}", "25"),
    ("\\boxed{\r\n25\r\n}\r\n", "25"),
    ("\\boxed{1\u202f024\u00a0}", "1024"),
    (r"{\boxed{25}", "25"),
    (r"\boxed{25}}", "25"),
    (r"<think>\boxed{24}</think>\boxed{26}</think>\boxed{25}", "25"),
    (r"thoughts without an end: \boxed{25}", "25"),
    (r"\boxed{-0}", "0"),
    (r"first \boxed{24}, wait, so \boxed{25}", "25"),
    (r"\boxed{25} and then an open \boxed{26", "25"),
    (r"an open \boxed{26 and then \boxed{25}", "25"),
    (r"} stray \boxed{25} {", "25"),
    (r"<think>\boxed{24}</think> it is \boxed{25}", "25"),
    (r"\\boxed{25}", "25"),
    ("\\boxed{\n25\n}", "25"),
]
WRONG = [
    (r"\boxed{26}", "25", "26"),
    (r"\boxed{-25}", "25", "-25"),
    (r"\boxed{3 5 7}", "357", "3 5 7"),
    (r"\boxed{3, 5}", "3", "3, 5"),
    (r"\boxed{1,02}", "102", "1,02"),
    (r"\boxed{25.5}", "25", "25.5"),
    (r"\boxed{25.05}", "25", "25.05"),
    (r"\boxed{\frac{50}{2}}", "25", r"\frac{50}{2}"),
    (r"\boxed{2^5}", "32", "2^5"),
    (r"\boxed{2\pi}", "2", r"2\pi"),
    (r"\boxed{2 pi}", "2", "2 pi"),
    (r"\boxed{25x}", "25", "25x"),
    (r"\boxed{24 or 25}", "24", "24 or 25"),
    (r"\boxed{24\text{ or }25}", "24", r"24\text{ or }25"),
    (r"\boxed{2 million}", "2", "2 million"),
    (r"\boxed{2e3}", "2", "2e3"),
    (r"\boxed{5!}", "5", "5!"),
    (r"\boxed{\text{no solution}}", "25", r"\text{no solution}"),
    (r"\boxed{25\{}", "25", r"25\{"),
    (r"\boxed{25²}", "25", "25²"),
    (r"\boxed{2⁵}", "25", "2⁵"),
    (r"\boxed{½}", "0", "½"),
    (r"\boxed{\dfrac{50}{2}}", "25", r"\dfrac{50}{2}"),
    (r"\boxed{25/1}", "25", "25/1"),
    (r"\boxed{(24, 25)}", "25", "(24, 25)"),
    (r"\boxed{x \neq 25}", "25", r"x \neq 25"),
    (r"\boxed{x <= 25}", "25", "x <= 25"),
    (r"\boxed{x=24, y=25}", "25", "x=24, y=25"),
    (r"\boxed{x = 24,\ y = 25}", "25", r"x = 24,\ y = 25"),
    (r"\boxed{x = 24 \text{ or } x = 25}", "25", r"x = 24 \text{ or } x = 25"),
    (r"\boxed{25 = 5^2}", "25", "25 = 5^2"),
    (r"\boxed{\approx 25}", "25", r"\approx 25"),
    (r"\boxed{\pm 25}", "25", r"\pm 25"),
    (r"\boxed{25^\circ 30}", "25", r"25^\circ 30"),
    (r"\boxed{25 C}", "25", "25 C"),
    (r"\boxed{1.024}", "1024", "1.024"),
    (r"\boxed{.25}", "25", ".25"),
    (r"\boxed{2 5}", "25", "2 5"),
    (r"\boxed{24 \boxed{25}}", "25", r"24 \boxed{25}"),
    ("\\boxed{2\x005}", "25", "2\x005"),
    (r"\boxed{25=x}", "25", "25=x"),
    (r"\boxed{24} then \boxed{26}", "24", "26"),
]
UNANSWERED = [
    "",
    "25",
    "The answer is 25.",
    "Answer: 25",
    r"\boxed{25",
    r"\boxed 25",
    r"$\boxed25$",
    r"\boxed{{25}",
    r"\framebox{25}",
    "\\boxed{\r\n}",
    r"\boxed{25}</think>",
    r"\boxed{}",
    r"\boxed{ }",
    r"\boxed{25\}",
    r"\boxedx{25}",
    r"<think>\boxed{25}</think> nothing more",
    r"boxed{25}",
]


@pytest.mark.parametrize(("response", "answer"), RIGHT)
def test_right(response: str, answer: str) -> None:
    assert grade(response, answer) == Grade(str(int(answer)), True, False)


@pytest.mark.parametrize(("response", "answer", "extracted"), WRONG)
def test_answered_and_wrong(response: str, answer: str, extracted: str) -> None:
    assert grade(response, answer) == Grade(extracted, False, False)


@pytest.mark.parametrize("response", UNANSWERED)
def test_unanswered(response: str) -> None:
    assert grade(response, "25") == Grade(None, False, True)


@pytest.mark.parametrize("answer", ["", "x", "2.5", "1" * 19])
def test_a_reference_answer_has_to_be_an_integer(answer: str) -> None:
    with pytest.raises(ValueError, match="is not an integer"):
        grade(r"\boxed{25}", answer)


@untimed
@given(st.integers(-(10**17), 10**17), st.text(max_size=40), st.integers(0, 5))
def test_any_integer_is_read_back_from_any_surrounding(value: int, text: str, zeros: int) -> None:
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    before = text.replace("\\", "")
    got = grade(f"{before}\\boxed{{{sign}{'0' * zeros}{digits}}}", str(value))
    assert got == Grade(str(value), True, False)


@untimed
@given(st.integers(0, 10**15))
def test_thousands_separators_do_not_change_a_number(value: int) -> None:
    for separator in (",", r"\,", "{,}", " "):
        assert read_integer(f"{value:,}".replace(",", separator)) == value


@untimed
@given(st.text(alphabet="\\{}boxedf25, .=^$\x00\n", max_size=60))
def test_grading_is_total_and_consistent(response: str) -> None:
    result = grade(response, "25")
    assert result.unanswered == (result.extracted is None)
    assert result.correct == (result.extracted == "25")


@untimed
@given(
    st.recursive(st.text(alphabet="ab1 ", max_size=5), lambda inner: inner.map(lambda s: f"x{{{s}}}y"), max_leaves=8)
)
def test_a_balanced_box_gives_back_its_content(content: str) -> None:
    assert last_box(f"a}} {{ \\boxed{{{content}}} b") == content


MEGABYTE = 10**6
HOSTILE = {
    "digits": "\\boxed{" + "9" * MEGABYTE + "}",
    "zeros": "\\boxed{" + "0" * MEGABYTE + "}",
    "digit groups": "\\boxed{1" + ",000" * (MEGABYTE // 4) + "}",
    "open braces": "\\boxed{" * (MEGABYTE // 7),
    "close braces": "}" * MEGABYTE,
    "nested": "{" * (MEGABYTE // 2) + "\\boxed{25}" + "}" * (MEGABYTE // 2),
    "nested boxes": "\\boxed{" * (MEGABYTE // 8) + "}" * (MEGABYTE // 8),
    "backslashes": "\\" * MEGABYTE + "boxed{25}",
    "spaces": "\\boxed{25" + " " * MEGABYTE + "x y}",
    "spaces before the brace": "\\boxed" + " " * MEGABYTE,
    "commas": "\\boxed{1" + ", " * (MEGABYTE // 2) + ".5}",
    "letters": "\\boxed{25 " + "ab " * (MEGABYTE // 3) + "7}",
    "parentheses": "\\boxed{" + "( " * (MEGABYTE // 2) + "}",
    "degrees": "\\boxed{25" + "^\\circ " * (MEGABYTE // 7) + "x}",
    "text commands": "\\boxed{" + "\\text " * (MEGABYTE // 6) + "}",
    "controls": "\\boxed{" + "\x00\x1b\x7f\u202e" * (MEGABYTE // 4) + "}",
    "full-width digits": "\\boxed{" + "２" * MEGABYTE + "}",
    "colours": "\\boxed{" + "\\color{" * (MEGABYTE // 7) + "}" * (MEGABYTE // 7) + "}",
    "lists": "\\boxed{=" + ", \\ " * (MEGABYTE // 4) + "=25}",
    "moduli": "\\boxed{25" + "( \\text { " * (MEGABYTE // 10) + "}" * (MEGABYTE // 10) + "}",
    "equals": "\\boxed{" + "<=" * (MEGABYTE // 2) + "}",
    "degree signs": "\\boxed{25" + "°" * MEGABYTE + "}",
    "tower": r"\boxed{9^{9^{9^9}}}",
    "thoughts": "</think>" * (MEGABYTE // 8),
}
RIGHT_BY_RULE = {"nested", "backslashes", "lists"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_responses_are_graded(name: str) -> None:
    """Quadratic time would take hours on these, and int() of a million digits raises."""
    assert grade(HOSTILE[name], "25").correct == (name in RIGHT_BY_RULE)


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
