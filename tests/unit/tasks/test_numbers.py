"""Grading problems whose answer is a number in closed form."""

import math
import time

import pytest

from tasks import Grade, task
from tasks.closed_forms import value_of

NUMBERS = task("numbers")
# Each with another form of the same number.
SAME = [
    (r"\frac{1}{2}", "0.5"), (r"\frac12", "1/2"), (r"\dfrac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"), ("025", "25"),
    (r"\frac{9\sqrt{23}}{23}", r"\frac{9}{\sqrt{23}}"), (r"2^{25}\cdot 26!", r"26! \times 2^{25}"), ("1,024", "2^{10}"),
    (r"1-\frac{2}{\pi}", r"\frac{\pi-2}{\pi}"), (r"\left(\frac{2}{3}\right)^{3}", r"\frac{8}{27}"), ("2^10", "1024"),
    (r"\binom{10}{3}", "120"), (r"\sqrt[3]{8}", "2"), (r"8\sqrt{10}", r"\sqrt{640}"), ("-(1+2)/4", "-0.75"),
    (r"e^{2}\cdot e^{-2}", "1"),  (r"\sqrt{2}^{2} - 2", "0"), (r"x = \frac{1}{3}", r"\frac13"), (r"2\pi", "2(π)"),
    ("-3^{-90}", r"-\frac{1}{3^{90}}"),
    (r"\frac{-1+\sqrt{17}}{2}, \frac{-1-\sqrt{17}}{2}", r"\frac{-1-\sqrt{17}}{2} \text{ and } \frac{\sqrt{17}-1}{2}"),
    ("1/576.", "**1/576**"), (r"\mathbf{\frac{1}{576}}", r"\text{1/576}"), (r"\boldsymbol{\frac{1}{576}}\\", "1/576"),
    (r"\mathrm{e}^2", "e^{2}"), (r"\text{Answer: }\frac 1 2", r"\textbf{Answer:} 1/2"),
    ("Answer: 1/2", r"\dfrac 1{2}."),
    (r"\frac{1}{24^2} = \frac{1}{576}", r"x = \frac{1}{24^2} = \frac{1}{576}"), (r"\{\frac12\}", "0.5"),
    (r"\{1,2\}", "2, 1"), (r"x=\left\{ 1, 2 \right\}", "x = 2 or x = 1"), (r"x=\sqrt2, x=-\sqrt2", r"\pm\sqrt{2}"),
    (r"\frac{-1\pm\sqrt{17}}{2}", r"\frac{-1+\sqrt{17}}{2}, \frac{-1-\sqrt{17}}{2}"), (r"\pm 2", "2, -2"),
    (r"x = ±2^{1/2} = \pm\sqrt2", r"\sqrt2, -\sqrt2"), (r"1 \pm 0", "1"), (r"3, \pm\frac12", "3, 1/2, -1/2"),
]  # fmt: skip
NONE = [
    "", "x", "i", "(1, 2)", r"2\frac{1}{2}", "3 5", "1+", "2^3^2", r"9^{9^{9^9}}", "2025!", "0^0", "1/0", r"\sqrt{-1}",
    "(" * 60 + "1" + ")" * 60, "1" + "+1" * 300, r"\frac{1}", "1e5", "3..5", r"\mp 2", "5 cm", r"\text{none}", "=3=",
    r"\pm1\pm\sqrt2", r"5\pm", r"\frac12=\frac13", "1/2==1/2", "x=1/2, y=1/3", "x=1/2, 1/2=y", r"\{1,2\},\{3\}",
    "x <= 1/2", "x != 1/2", r"x \not= 1/2", "**1/2",
    r"2\mathbf{3}", "2{3}", "2{{3}}", r"\mathbf{2}3", r"\mathbf{1}\frac{1}{2}", r"{1}\frac12", r"1{\frac12}", "2**3",
    r"\frac 1 23", r"\left(\frac12,1\right)", "½", r"\frac12\text{ cm}", r"\text{cm}", r"\frac12\approx0.5", "0.3..",
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME)
def test_numbers_are_compared_by_value(first: str, second: str) -> None:
    for boxed, answer in ((first, second), (second, first), (first, first)):
        normal = NUMBERS.normalise(answer)
        assert NUMBERS.grade(f"\\boxed{{{boxed}}}", answer) == Grade(normal, True, False)
        assert NUMBERS.normalise(normal) == normal


@pytest.mark.parametrize(
    ("boxed", "answer"),
    [
        ("0.333", r"\frac{1}{3}"), ("-2", "2"), ("1, 2", "1"), ("3.14", r"\pi"), (r"\pm 2", "2"), ("2", r"\pm 2"),
        (r"\pm 2", "2, 3"), (r"\{1,2\}", "1, 3"), (r"\frac12=\frac13", "1/2"), (r"\frac12=\frac13", "1/3"),
    ],
)  # fmt: skip
def test_what_is_only_near_is_wrong(boxed: str, answer: str) -> None:
    assert not NUMBERS.grade(f"\\boxed{{{boxed}}}", answer).correct


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_number_is_refused_as_a_reference_and_wrong_as_an_answer(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number in closed form"):
        NUMBERS.normalise(text)
    assert not NUMBERS.grade(f"\\boxed{{{text}}}", "7").correct


@pytest.mark.parametrize(
    ("text", "value"),
    [(r"\sqrt{23}-2\sqrt{3}", math.sqrt(23) - 2 * math.sqrt(3)), (r"\frac{\pi}{4}", math.pi / 4), ("e", math.e),
     (r"\sqrt[3]{2}", 2 ** (1 / 3)), ("7 - 2 - 1", 4), ("8/4/2", 1), ("-3^2", -9), ("2(3+4)^2", 98)],
)  # fmt: skip
def test_values(text: str, value: float) -> None:
    found = value_of(text)
    assert found is not None and float(found) == pytest.approx(value, rel=1e-15)


def test_an_integer_is_read_as_generously_as_elsewhere() -> None:
    assert NUMBERS.grade(r"\boxed{25^\circ}", "25").correct and NUMBERS.grade(r"\boxed{25\text{ cm}}", "25").correct


@pytest.mark.parametrize(
    "text", ["9!" * 200, "9^{" * 150, r"\frac" * 90, "((" * 200, "9^9" * 150, "1000!^9" * 60, "{" * 499 + "1"]
)
def test_the_time_is_bounded(text: str) -> None:
    began = time.process_time()
    value_of(text)
    assert time.process_time() - began < 1.0
