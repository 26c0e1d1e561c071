"""Tasks whose answers are words: a short text, an option's letter, who is what."""

import time
import unicodedata
from itertools import product
from string import ascii_lowercase
from typing import Any

import pytest

from tasks import Grade, task
from tests.responses import HOSTILE

RIGHT = {
    "short_text": (
        "Yes",
        [
            "Yes", "yes.", r"\text{Yes}", "**YES**", r"\mathrm{yes}!", " “Yes” ", r"\text{ yes}\,.", r"\Large Yes",
            r"\textcolor{red}{Yes}", r"\color[rgb]{1,0,0} Yes", r"\textsc{Yes}", r"\operatorname{Yes}", "(Yes)", "yes:",
            r"\left(\text{Yes}\right)", "Answer: Yes", r"\text{The final answer is }\text{Yes.}", "$Yes$", "$$Yes$$",
        ],
    ),
    "choice": (
        "A",
        [
            "A", "(a)", r"\text{A}", "A.", "Option A", "A) Paris", "A. Paris", "(A) Paris", "A: 7", "answer: a", "[A]",
            r"\left(A\right)", r"\textcolor{red}{A}", r"\Large A", "(A). Paris", "A is correct", "(A) is the answer",
            "A) a dog", "A) x^2+1", "A) 25 °C", r"\textbf{(A)}\ 5 J", "A) I only", "A) or",
            r"(A) \frac{3}{5}", r"A) \$5",
        ],
    ),
    "roles": (
        "Zoey is a saint, and Riley is a sinner.",
        [
            "Zoey is a saint, Riley is a sinner", "riley is sinner; zoey is saint", "**Zoey**: saint, Riley = sinner",
            "Zoey is a saint.\nRiley is a sinner.", r"\text{Riley is the sinner and Zoey is a saint.}",
            r"Zoey: saint \\ Riley: sinner", "- Zoey is a saint\n- Riley is a sinner", "Zoey (saint), Riley (a sinner)",
            "1. Zoey is a saint\n2. Riley is a sinner", "• Zoey is a saint\n• Riley is a sinner",
            "(Zoey is a saint, Riley is a sinner)", "So Zoey is a saint and Riley is a sinner.",
            "Therefore, Zoey: saint, Riley: sinner", "hence zoey is a saint; riley is a sinner",
            r"\begin{cases}\text{Zoey is a saint}\\ \text{Riley is a sinner}\end{cases}",
        ],
    ),
}  # fmt: skip
# What may be several letters, or a doubtful one; the first is right.
SEVERAL = (
    "(A) / (C)", "(A) , (C)", "(A) & (C)", "(A) C", "(A) versus (C)", "A) C)", "A: C", "A. or C.", "A) or C)",
    "A) and (C)", "A) D", "A) K", "A) / K", "(A) Paris, (C) Rome", "A) Paris C) Rome", "A) Paris; D", "A) Paris (D)",
    "[A] [C]", "(A) or Rome", "(A) is wrong", "A. Not sure, maybe C", "A: maybe", "(A) is not right; the answer is (B)",
    "(A and C)", r"(A) \text{or} (C)", "A) vitamin C", "A) f(n)", "A) and the beast",
)  # fmt: skip
# What is boxed, and as what it is shown.
WRONG = {
    "short_text": [("Yes, because all are", "yes, because all are"), ("No", "no"), ("Yes or no", "yes or no")],
    "choice": [
        ("B", "B"), ("Paris", "Paris"), ("A, C", "A, C"), ("A and C", "A and C"), ("(A) and (C)", "(A) and (C)"),
        ("(A) (C)", "(A) (C)"), ("a dog", "a dog"), ("e.g", "e.g"), *((one, one) for one in SEVERAL),
    ],
    "roles": [
        ("Zoey is a saint", "zoey is saint"),
        ("Zoey is a saint, Riley is a saint", "riley is saint, zoey is saint"),
        ("Zoey is a saint, Zoey is a sinner, Riley is a sinner", None),
        ("Zoey is a saint, Riley is not a saint", None),
        ("Zoey (saint), Riley (not a sinner)", None),
        ("Zoey (sinner), Riley (saint)", "riley is saint, zoey is sinner"),
        ("Zoey is a saint, Riley is a sinner, Ben is a saint", "ben is saint, riley is sinner, zoey is saint"),
    ],
}  # fmt: skip

# Of these, what can be no answer of such a task.
UNREADABLE = {
    "short_text": (),
    "choice": ("Paris", "A, C", "A and C", "(A) and (C)", "(A) (C)", "a dog", "e.g", *SEVERAL),
    "roles": (
        "Zoey (saint), Riley (not a sinner)",
        "Zoey is a saint, Zoey is a sinner, Riley is a sinner",
        "Zoey is a saint, Riley is not a saint",
    ),
}


@pytest.mark.parametrize(("name", "boxed"), [(name, one) for name, (_, boxed) in RIGHT.items() for one in boxed])
def test_right(name: str, boxed: str) -> None:
    answer = RIGHT[name][0]
    assert task(name).grade(f"so \\boxed{{{boxed}}}", answer) == Grade(task(name).normalise(answer), True, False)
    assert task(name).reward(f"\\boxed{{{boxed}}} as asked within \\boxed{{}}", answer) == 1.0


@pytest.mark.parametrize(("name", "boxed", "shown"), [(name, *one) for name, wrong in WRONG.items() for one in wrong])
def test_answered_and_wrong(name: str, boxed: str, shown: str | None) -> None:
    outcome = "unreadable" if boxed in UNREADABLE[name] else "wrong"
    assert task(name).grade(f"\\boxed{{{boxed}}}", RIGHT[name][0]) == Grade(shown or boxed, False, False, outcome)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    "response", ["", "Yes", "A", r"\boxed{}", r"\boxed{A} </think> none", r"\boxed{\text{answer}}"]
)
def test_unanswered(name: str, response: str) -> None:
    assert task(name).grade(response, RIGHT[name][0]) == Grade(None, False, True)


def test_a_letter_that_would_be_a_placeholder_is_the_last_answer() -> None:
    assert task("choice").grade(r"first \boxed{B}, no, \boxed{A}", "A").correct
    assert task("choice").grade(r"first \boxed{A}, no, \boxed{B}", "A").extracted == "B"


def test_letters_that_are_no_first_ones_are_several_too() -> None:
    for boxed in ("B) A", "B) or A", "B. Maybe A is right", "B. A is also possible", "(B) Paris, (A) Rome"):
        assert task("choice").grade(f"\\boxed{{{boxed}}}", "B").outcome == "unreadable"
    assert task("choice").grade("\\boxed{B) a dog}", "B").correct


@pytest.mark.parametrize(
    ("name", "restated"),
    [("choice", one) for one in ("letter", "the letter", r"\text{option}", "the choice")]
    + [("roles", one) for one in ("… is a …, … is a …", "... is a ..., ... is a ...", r"\ldots is a \ldots")],
)
def test_an_instruction_that_is_restated_is_passed_over(name: str, restated: str) -> None:
    answer = RIGHT[name][0]
    assert task(name).grade(f"\\boxed{{{answer}}}, which is within \\boxed{{{restated}}}", answer).correct
    assert task(name).grade(f"\\boxed{{{restated}}}", answer).unanswered


def test_a_person_may_have_the_name_of_a_connective() -> None:
    for boxed in ("So is a saint, Ann is a sinner", "So: saint, Ann: sinner", "So (saint), Ann (sinner)"):
        assert task("roles").extract(f"\\boxed{{{boxed}}}") == "ann is sinner, so is saint"


# The same words, and others in each line.
WORDS = [
    ["Élodie", unicodedata.normalize("NFD", "Élodie"), "ÉLODIE"], ["Elodie"],
    ["São Paulo", unicodedata.normalize("NFD", "São Paulo")], ["Müller", unicodedata.normalize("NFD", "MÜLLER")],
    ["ё", unicodedata.normalize("NFD", "ё")], ["е"], ["が", unicodedata.normalize("NFD", "が")], ["か"],
    ["राम"], ["रमा"], ["ปีน"], ["ปืน"], ["கை"], ["க"], ["O’Brien", "O'Brien"], ["OBrien"],
    ["5", "$5$", "٥", r"\(5\)"], ["$5", r"\$5", r"\$5."], ["5€"], ["£5"], ["5¢"],
    ["$5 and $6", r"\$5 and \$6"], ["5 and 6"], ["right"], ["left"], ["yes\u200b", "yes"],
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[0])
def test_words_differ_by_marks_and_currencies_but_not_by_their_forms(words: list[str]) -> None:
    for answer, other in product(words, (one for line in WORDS for one in line)):
        assert task("short_text").grade(f"\\boxed{{{other}}}", answer).correct == (other in words)
        normal = task("short_text").normalise(answer)
        assert task("short_text").normalise(normal) == normal


@pytest.mark.parametrize(
    ("name", "answer", "complaint"),
    [
        ("short_text", "x" * 81, "is no short text: at most 80 characters"),
        ("short_text", "correct", "no word that stands for an answer in general"),
        ("short_text", " . ", "is no short text"),
        ("choice", "AB", "'AB' is not the letter of an option, A to Z"),
        ("choice", "7", "'7' is not the letter"),
        ("roles", "Ann and Ben are knights", "does not say who is what"),
        ("roles", "", "does not say who is what"),
    ],
)
def test_another_reference_answer_is_refused_in_one_line(name: str, answer: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        task(name).normalise(answer)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 250


@pytest.mark.parametrize("name", RIGHT)
def test_a_normal_form_is_its_own(name: str) -> None:
    normal = task(name).normalise(RIGHT[name][0])
    assert task(name).normalise(normal) == normal == task(name).extract(f"\\boxed{{{normal}}}")


@pytest.mark.parametrize(
    ("row", "answer", "letter"),
    [
        ({"choices": ["Rome", "Paris"]}, 1, "B"),
        ({"options": ["Rome", "Paris"]}, "b", "B"),
        ({"choices": ["Rome", "Paris"]}, "Paris", "B"),
        ({"choices": {"text": ["Rome", "Paris"], "label": ["1", "2"]}}, "2", "B"),
        ({"choices": {"text": ["Rome", "Paris"], "label": ["A", "B"]}}, "B", "B"),
        ({"a": "Rome", "b": "Paris", "c": ""}, "B", "B"),
        ({"a": "Rome", "b": "Paris"}, "1", "B"),
        ({"a": "Rome", "b": "Paris", "choices": None, "e": None}, "b", "B"),
    ],
)
def test_options_of_a_row_are_listed_below_its_problem(row: dict[str, Any], answer: str | int, letter: str) -> None:
    found = task("choice").row(row | {"question": "Where? ", "answerkey": answer})
    assert (found["problem"], found["answer"]) == ("Where?\n\nA) Rome\nB) Paris", letter)


@pytest.mark.parametrize(
    "others", [{"a": None, "subject": "s"}, {"a": "x"}, {"n": 7, "k": 3}, {"a": None, "b": "", "n": 7, "k": 3}]
)
def test_a_problem_that_lists_its_options_itself_stays_as_it_is(others: dict[str, Any]) -> None:
    row = {"problem": "A) x B) y", "answer": "B"} | others
    assert task("choice").row(row) == row


def test_zero_is_an_option() -> None:
    found = task("choice").row({"problem": "1 - 1?", "answer": "B", "a": 1, "b": 0, "c": 2})
    assert (found["problem"], found["answer"]) == ("1 - 1?\n\nA) 1\nB) 0\nC) 2", "B")
    full = dict(zip(ascii_lowercase, range(26), strict=True))
    assert task("choice").row(full | {"problem": "Which is last?", "answer": "25"})["answer"] == "Z"


@pytest.mark.parametrize(
    ("row", "answer", "complaint"),
    [
        ({"choices": ["Rome", "Paris"]}, 2, "answer '2' is none of the 2 options; allowed are A, B"),
        ({"choices": ["Rome", "Paris"]}, "London", "answer 'London' is none"),
        # The number of one option, and the words of another one: in a table without types nobody knows which is meant.
        ({"choices": ["3", "0"]}, "0", "answer '0' is none of the 2 options"),
        ({"choices": "Rome, Paris"}, "A", "'choices' is 'Rome, Paris'; it must be a list of 2 to 26 texts"),
        ({"options": ["Rome"]}, "A", "it must be a list of 2 to 26 texts"),
        ({"choices": {"text": ["a", "b"], "label": ["A"] * 2}}, "A", "'choices' has 2 texts and the labels A, A"),
        ({"a": 1, "b": 2, "c": 3, "d": None, "e": 5}, "A", "stand in the columns a, b, c, e, but none in d"),
        ({"a": " ", "b": 2, "c": 3}, "B", "stand in the columns b, c, but none in a"),
        ({"a": "Rome", "c": "Paris"}, "A", "stand in the columns a, c, but none in b"),
        ({"choices": ["x", "y"], "options": ["x", "y"]}, "A", "in choices and in options; a row must have one set"),
        ({"options": ["x", "y"], "a": "x", "b": "y"}, "A", "in options and in a; a row must have one set"),
        ({"choices": ["Rome", "Paris", " Rome"]}, "B", "the option 'Rome' is there twice"),
        ({"a": 0, "b": "0"}, "A", "the option '0' is there twice"),
    ],
)
def test_options_that_cannot_be_used_are_one_line(row: dict[str, Any], answer: str | int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        task("choice").row(row | {"problem": "Where?", "answer": answer})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [*RIGHT, "numbers"])
def test_hostile_responses_are_graded_in_linear_time(name: str) -> None:
    answer = RIGHT.get(name, ("7",))[0]
    began = time.process_time()
    for response in HOSTILE.values():
        task(name).grade(response, answer)
    assert time.process_time() - began < 2.0 * len(HOSTILE)
