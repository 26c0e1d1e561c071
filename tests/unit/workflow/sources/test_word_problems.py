"""Generated word problems: deterministic, distinct, disjoint from what is excluded, answers of 0-999."""

import json
import math
import re
from pathlib import Path

import pytest

from workflow.sources.command import SourceError
from workflow.sources.word_families import FAMILIES
from workflow.sources.word_problems import command


def legs(problem):
    """What the animals of the problem come to, by our own count."""
    counted = re.findall(r"(\d+) ([a-z ]+?)(?:,|\?)", problem.partition("if you have ")[2])
    return sum(int(count) * LEGS[animal if count == "1" else animal.removesuffix("s")] for count, animal in counted)


def letters(problem):
    letter, text = re.fullmatch(r'How many times does the letter "(.)" appear in the text: "(.*)"\?', problem).groups()
    return text.lower().count(letter)


def root(problem):
    """The natural number that makes both sides of the problem's equation equal."""
    left, right = problem.rpartition(": ")[2].split(" = ")
    (found,) = (x for x in range(1, 21) if worked_out(re.sub("[a-z]", str(x), left)) == int(right))
    return found


def calculation(problem):
    return worked_out(re.search(r"\d.*\d", problem)[0])


def worked_out(expression):
    """The value of products with signs between them."""
    terms = expression.replace(" * ", "*").replace("- ", "-").replace("+ ", "").split()
    return sum(math.prod(map(int, term.split("*"))) for term in terms)


#: Animals by their legs.
ANIMALS = {
    0: "snake sea_slug jellyfish flatworm leech",
    2: "chicken bird human duck",
    4: "dog cat cow horse lion elephant giraffe tiger deer sheep",
    5: "starfish",
    6: "insect ant butterfly beetle bee wasp grasshopper cricket cockroach praying_mantis firefly",
    8: "spider scorpion",
    10: "crab lobster shrimp",
    14: "woodlouse",
}
LEGS = {name.replace("_", " "): legs for legs, names in ANIMALS.items() for name in names.split()}
WORKED_OUT = {
    "basic_arithmetic": calculation,
    "leg_counting": legs,
    "letter_counting": letters,
    "simple_equations": root,
}


def generated(out: Path, *arguments: str) -> list[dict]:
    command([*arguments, "--out", str(out)])
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_gives_distinct_problems_with_integer_answers(tmp_path, family):
    rows = generated(tmp_path / "a.jsonl", "--n", "60", "--seed", "3", "--families", json.dumps({family: {}}))
    assert len(rows) == len({row["problem"] for row in rows}) == len({row["id"] for row in rows}) == 60
    assert all(set(row) == {"id", "problem", "answer", "source", "task"} for row in rows)
    assert all(0 <= int(row["answer"]) <= 999 and row["answer"] == str(int(row["answer"])) for row in rows)
    assert not any("boxed" in row["problem"] for row in rows)
    assert all(family in row["source"] and row["task"] == "integers" for row in rows)


def test_the_same_arguments_give_the_same_file_and_another_seed_another(tmp_path):
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    for out, seed in ((first, "1"), (again, "1"), (other, "2")):
        command(["--n", "40", "--seed", seed, "--out", str(out)])
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_neighbouring_seeds_are_no_shifts_of_each_other(tmp_path):
    texts = [
        [
            row["problem"]
            for row in generated(tmp_path / seed, "--n=30", f"--seed={seed}", '--families={"gsm_symbolic": {}}')
        ]
        for seed in ("1", "2")
    ]
    assert not set(texts[0]) & set(texts[1])


def test_excluded_problems_do_not_occur(tmp_path):
    train = tmp_path / "train.jsonl"
    seen = {row["problem"] for row in generated(train, "--n", "50", "--seed", "1")}
    rows = generated(tmp_path / "validation.jsonl", "--n", "50", "--seed", "1", "--exclude", str(train))
    assert len(rows) == 50
    assert not seen & {row["problem"] for row in rows}


def test_an_equation_under_another_letter_is_the_same(tmp_path):
    options = '--families={"simple_equations": {"min_terms": 1, "max_terms": 1, "max_value": 5}}'
    train = tmp_path / "train.jsonl"
    rows = generated(train, "--n=15", "--seed=1", options)
    rows += generated(tmp_path / "test.jsonl", "--n=10", "--seed=2", options, "--exclude", str(train))
    equations = [re.sub("[a-z]", "x", row["problem"].rpartition(": ")[2]) for row in rows]
    # Five coefficients and five solutions.
    assert len(equations) == len(set(equations)) == 25
    with pytest.raises(SourceError, match="simple_equations has no new problem left for number 26"):
        generated(tmp_path / "all.jsonl", "--n=26", "--seed=1", options)


def test_a_calculation_in_other_words_is_the_same(tmp_path):
    rows = generated(
        tmp_path / "a.jsonl", "--n=60", "--seed=1", '--families={"basic_arithmetic": {"operators": ["*"]}}'
    )
    assert len({re.search(r"\d.*\d", row["problem"])[0] for row in rows}) == 60
    assert len({re.sub(r"\d.*\d", "", row["problem"]) for row in rows}) == 4


def test_families_take_turns_whatever_their_order(tmp_path):
    orders = ('{"leg_counting": {}, "chain_sum": {}}', '{"chain_sum": {}, "leg_counting": {}}')
    first, second = (
        generated(tmp_path / f"{number}.jsonl", "--n=5", "--seed=0", f"--families={order}")
        for number, order in enumerate(orders)
    )
    assert [row["id"].split("-")[0] for row in first] == ["chain_sum", "leg_counting"] * 2 + ["chain_sum"]
    assert first == second


def test_without_families_they_are_sums_and_products_of_digits(tmp_path):
    families = '--families={"chain_sum": {}, "products": {}}'
    plain, named = (
        generated(tmp_path / f"{len(more)}.jsonl", "--n=40", "--seed=1", *more) for more in ([], [families])
    )
    assert plain == named
    assert all(len(number) == 1 for row in plain for number in re.findall(r"\d+", row["problem"]))


def test_options_make_problems_larger(tmp_path):
    options = {"chain_sum": {"min_terms": 3, "max_terms": 3, "min_digits": 2, "max_digits": 2}}
    rows = generated(tmp_path / "a.jsonl", "--n=40", "--seed=1", f"--families={json.dumps(options)}")
    for row in rows:
        expression = row["problem"].partition(": ")[2].removesuffix(" =")
        numbers = re.findall(r"\d+", expression)
        assert len(numbers) == 3 and all(len(number) == 2 for number in numbers)
        assert worked_out(expression) == int(row["answer"])


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("basic_arithmetic", {"operators": ["+", "-", "*"]}),
        ("basic_arithmetic", {"min_terms": 3, "max_terms": 4, "max_digits": 2}),
        ("leg_counting", {}),
        ("letter_counting", {}),
        ("simple_equations", {}),
        ("simple_equations", {"operators": ["+", "-"]}),
    ],
)
def test_the_reference_answers_are_right(tmp_path, family, options):
    for row in generated(tmp_path / "a.jsonl", "--n=40", "--seed=2", f"--families={json.dumps({family: options})}"):
        assert int(row["answer"]) == WORKED_OUT[family](row["problem"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--n", "0", "--seed", "1"], "--n is 0; it must be an integer of at least 1"),
        (["--n", "5", "--seed", "-1"], "--seed is -1"),
        (["--n", "five", "--seed", "1"], "invalid int value: 'five'"),
        (
            ["--n", "5", "--seed", "1", "--families", '{"sudoku": {}}'],
            "'sudoku' is no family of word problems; allowed",
        ),
        (
            ["--n", "5", "--seed", "1", "--families", "{}"],
            "needed is a mapping such as {basic_arithmetic: {}}, of families",
        ),
        (
            ["--n", "5", "--seed", "1", "--families", '{"products": {"min_digits": 2}}'],
            "min_digits: 2 is more than max",
        ),
        (
            [
                "--n",
                "5",
                "--seed",
                "1",
                "--families",
                '{"basic_arithmetic": {"max_terms": 3, "operators": ["+", "*"]}}',
            ],
            "basic_arithmetic: operators: * beside others is for two terms, and max_terms is 3",
        ),
        (["--n", "5", "--seed", "1", "--families", '{"products": {"colour": 2}}'], "products: colour: Extra inputs"),
        (["--n", "5", "--seed", "1", "--task", "poems"], "invalid choice: 'poems'"),
        (["--n", "5", "--seed", "1", "--exclude", "absent.jsonl"], "absent.jsonl: cannot be read"),
        (
            ["--n", "101", "--seed", "1", "--families", '{"products": {}}'],
            "products has no new problem left for number 101",
        ),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(tmp_path, monkeypatch, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        command([*arguments, "--out", "out.jsonl"])
    assert complaint in str(caught.value)
    assert not list(tmp_path.iterdir())
