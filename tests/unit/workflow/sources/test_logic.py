"""Logic puzzles: one right answer each, by other means than theirs; none twice; no answer that is more common."""

import itertools
import json
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

import tasks
from workflow.sources.command import SourceError
from workflow.sources.logic import circuit_logic, knights_knaves, propositional_logic, syllogism
from workflow.sources.logic.__main__ import command
from workflow.sources.logic.families import FAMILIES

SMALL: dict[str, dict[str, Any]] = {name: {} for name in FAMILIES} | {
    "zebra_puzzles": {"people": 3, "characteristics": 3}
}


def generated(out: Path, n: int, seed: int, families: dict[str, Any], *more: str) -> list[dict[str, str]]:
    command([f"--n={n}", f"--seed={seed}", f"--families={json.dumps(families)}", *more, f"--out={out}"])
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Twenty puzzles of each family, but six of the slowest."""
    folder = tmp_path_factory.mktemp("logic")
    sizes = dict.fromkeys(SMALL, 24) | {"zebra_puzzles": 6}
    return {name: generated(folder / name, sizes[name], 1, {name: SMALL[name]}) for name in SMALL}


@pytest.mark.parametrize("name", SMALL)
def test_puzzles_are_different_of_their_task_and_no_answer_is_more_common(
    sets: dict[str, list[dict[str, str]]], name: str
) -> None:
    rows = sets[name]
    assert len({row["id"] for row in rows}) == len({row["problem"] for row in rows}) == len(rows)
    task = tasks.task(FAMILIES[name].task)
    for row in rows:
        assert row["task"] == task.name and task.normalise(row["answer"]) == row["answer"]
        assert task.grade(f"\\boxed{{{row['answer']}}}", row["answer"]).correct
        assert "boxed" not in row["problem"] and "Format your answer" not in row["problem"]
        assert ("blind" in row) == (name == "knights_knaves")
    counts = Counter(row.get("blind", row["answer"]) for row in rows)
    labels = {"knights_knaves": 8, "zebra_puzzles": 3, "propositional_logic": 4}.get(name, 2)
    # Of circuits and syllogisms it is each group that is even.
    assert len(counts) == labels and max(counts.values()) - min(counts.values()) <= (4 if labels == 2 else 0)


def test_the_same_arguments_give_the_same_file_whatever_the_order_of_families(tmp_path: Path) -> None:
    wanted = {"syllogism": {}, "knights_knaves": {}}
    rows = generated(tmp_path / "a", 7, 3, wanted)
    assert rows == generated(tmp_path / "b", 7, 3, dict(reversed(wanted.items())))
    assert [row["id"].split("-")[0] for row in rows] == ["knights_knaves", "syllogism"] * 3 + ["knights_knaves"]
    assert rows != generated(tmp_path / "c", 7, 4, wanted)
    assert "instruction" not in rows[0]
    told = generated(tmp_path / "d", 1, 3, wanted, "--instruction=Be brief.")
    assert tasks.task("roles").prompt(told[0]) == f"{rows[0]['problem']}\n\nBe brief."


def test_excluded_puzzles_do_not_occur_be_it_under_other_names(tmp_path: Path) -> None:
    train = generated(tmp_path / "train.jsonl", 40, 1, {"knights_knaves": {"people": 2}})
    test = generated(
        tmp_path / "test.jsonl", 16, 2, {"knights_knaves": {"people": 2}}, f"--exclude={tmp_path}/train.jsonl"
    )
    assert not {row["id"] for row in train} & {row["id"] for row in test}
    # Without that, two persons are so few that some would.
    again = generated(tmp_path / "again.jsonl", 16, 2, {"knights_knaves": {"people": 2}})
    assert {row["id"] for row in train} & {row["id"] for row in again}


def knights(statements: list[Any], solution: tuple[bool, ...] = (True, False)) -> Any:
    terms = {"knight": "sage", "knave": "fool"}
    about = {"statements": statements, "knight_knave_terms": terms, "names": ["Ann", "Ben"], "solution": solution}
    return knights_knaves._puzzle({"metadata": about, "question": "Who? (Format your answer like: x)"})


def test_knights_and_knaves_by_hand() -> None:
    # Ann: we are both fools. So she is one, and Ben is none.
    both = ("and", ("lying", 0), ("lying", 1))
    made = knights([both, ("telling-truth", 0)], (False, True))
    assert made == "no single answer"
    made = knights([both, ("lying", 0)])
    assert (made.problem, made.answer, made.label) == ("Who?", "Ann is fool, Ben is sage", "liar, honest")
    assert made.relabelled and not knights([both, ("lying", 0)], (False, True)).relabelled
    # Each says that the other one lies: two ways to read it.
    assert knights([("lying", 1), ("lying", 0)]) == "no single answer"
    # Ann: if I am honest, so is Ben. Ben: not (Ann is honest, if and only if Ann lies).
    says = ("->", ("telling-truth", 0), ("telling-truth", 1)), ("not", ("<=>", ("telling-truth", 0), ("lying", 0)))
    assert knights(list(says)).label == "honest, honest"
    # The persons change places, and so do the parts of "both".
    mirrored = knights([("lying", 1), ("and", ("lying", 0), ("lying", 1))])
    assert mirrored.content == made.content and mirrored.label == "honest, liar"


def solutions_of_zebra(problem: str) -> set[str]:
    """All names in house 1 that the text of a puzzle leaves open, by going through every arrangement."""
    from reasoning_gym.logic.contrib.logic_puzzle import literals

    classes = [one for one in vars(literals).values() if isinstance(one, type) and issubclass(one, literals.Literal)]
    spoken = {member.value.lower(): member for one in classes for member in one}
    clues = [line.partition(". ")[2].rstrip(".").lower() for line in problem.splitlines() if re.match(r"\d+\. ", line)]
    ordinal = {"first": 0, "second": 1, "third": 2}

    def read(clue: str) -> tuple[str, list[Any]]:
        for kind, pattern in (("at", r"(.+) is in the (\w+) house"), ("left", r"(.+) is directly left of (.+)")):
            if found := re.fullmatch(pattern, clue):
                return kind, [spoken[found[1]], ordinal[found[2]] if kind == "at" else spoken[found[2]]]
        beside = clue.removesuffix(" are next to each other")
        kind, between = ("same", " is ") if beside == clue else ("beside", " and ")
        parts = beside.split(between)
        pairs = [(between.join(parts[:i]), between.join(parts[i:])) for i in range(1, len(parts))]
        ((one, other),) = [pair for pair in pairs if pair[0] in spoken and pair[1] in spoken]
        return kind, [spoken[one], spoken[other]]

    holds = {
        "at": lambda place, a, house: place[a] == house,
        "left": lambda place, a, b: place[a] + 1 == place[b],
        "beside": lambda place, a, b: abs(place[a] - place[b]) == 1,
        "same": lambda place, a, b: place[a] == place[b],
    }
    listed = [line.partition(": ")[2].split(", ") for line in problem.splitlines() if line.startswith(" - ")]
    wanted = {name.replace(" ", "_") for names in listed for name in names}
    used = {type(part) for clue in clues for part in read(clue)[1] if not isinstance(part, int)} | {literals.Name}
    groups = [[member for member in one if member.name in wanted] for one in sorted(used, key=lambda one: one.__name__)]
    found = set()
    for order in itertools.product(*(itertools.permutations(range(3)) for _ in groups)):
        place = {
            member: house
            for group, houses in zip(groups, order, strict=True)
            for member, house in zip(group, houses, strict=True)
        }
        if all(holds[kind](place, *parts) for kind, parts in map(read, clues)):
            found.add(next(name.name for name in literals.Name if place.get(name) == 0))
    return found


def test_zebra_puzzles_as_they_are_read_have_their_answer_and_no_other(sets: dict[str, list[dict[str, str]]]) -> None:
    for row in sets["zebra_puzzles"][:3]:
        assert solutions_of_zebra(row["problem"]) == {row["answer"]}


class Value:
    """A truth value with Python's operators for the connectives."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def __invert__(self) -> "Value":
        return Value(not self.value)

    def __and__(self, other: "Value") -> "Value":
        return Value(self.value and other.value)

    def __or__(self, other: "Value") -> "Value":
        return Value(self.value or other.value)

    def __rshift__(self, other: "Value") -> "Value":
        return Value(not self.value or other.value)

    def __xor__(self, other: "Value") -> "Value":
        return Value(self.value == other.value)


def follows(premises: list[str], conclusion: str) -> bool:
    names = sorted(set(re.findall(r"[A-Z]", "".join([*premises, conclusion]))))
    for values in itertools.product((Value(True), Value(False)), repeat=len(names)):
        scope = dict(zip(names, values, strict=True))
        read = [
            eval(one.translate(str.maketrans("¬∧∨↔", "~&|^")).replace("→", ">>"), scope)
            for one in (*premises, conclusion)
        ]
        if all(one.value for one in read[:-1]) and not read[-1].value:
            return False
    return True


def test_of_four_statements_just_the_right_one_follows_and_from_no_premise_alone(
    sets: dict[str, list[dict[str, str]]],
) -> None:
    for row in sets["propositional_logic"]:
        premises = re.findall(r"^\d+\. (.*)$", row["problem"], re.MULTILINE)
        options = dict(re.findall(r"^([A-D])\) (.*)$", row["problem"], re.MULTILINE))
        assert [letter for letter, one in options.items() if follows(premises, one)] == [row["answer"]]
        assert not any(follows([premise], options[row["answer"]]) for premise in premises)
        assert not follows(premises, "(P ∧ ¬P)"), "premises that contradict each other"
        assert len({re.sub("[^∧∨→↔]", "", one) for one in options.values()}) == 1


def test_a_set_of_premises_is_the_same_in_another_order_and_under_other_variables() -> None:
    def content(*premises: str) -> str:
        made = propositional_logic._puzzle({"variables": ["P", "Q", "R"], "premises": premises}, Random(1))
        assert not isinstance(made, str), made
        return made.content

    one = content("(P → Q)", "(Q → R)")
    assert one == content("(R → P)", "(Q → R)") == content("(Q → R)", "(P → Q)")
    assert one != content("(P → Q)", "(Q → ¬R)")
    # A variable that no premise has takes no name away.
    assert content("(P ∨ Q)", "(P → Q)") == content("(Q ∨ R)", "(Q → R)") != content("(P ∨ Q)", "(P → ¬Q)")


def test_contradictory_premises_and_those_without_a_conclusion_are_named() -> None:
    for premises, said in ((["P", "¬P"], "contradictory premises"), (["P"], "no conclusion from several premises")):
        assert propositional_logic._puzzle({"variables": ["P", "Q"], "premises": premises}, Random(1)) == said


@pytest.mark.parametrize(
    ("statements", "answer"),
    [
        (("All a are b", "All b are c", "All a are c"), "Yes"),
        (("Some a are b", "No b are c", "Some a are not c"), "Yes"),
        (("No a are b", "All b are c", "No a are c"), "No"),
        (("Some a are b", "Some b are c", "Some a are c"), "No"),
        (("No a are b", "Some b are c", "No b are a"), "Yes"),
        (("Some a are not b", "Some b are c", "Some b are not a"), "No"),
        (("All a are b", "All b are c", "Some a are c"), "depends on empty kinds"),
        (("All a are b", "Some b are c", "Some b are a"), "depends on empty kinds"),
    ],
)
def test_syllogisms_by_hand(statements: tuple[str, ...], answer: str) -> None:
    about = dict(zip(("premise1", "premise2", "conclusion"), statements, strict=True))
    made = syllogism._puzzle({"metadata": about, "question": "?", "answer": "Yes"})
    assert made == answer if isinstance(made, str) else (made.answer, made.relabelled) == (answer, answer == "No")


@pytest.mark.parametrize(
    ("gate", "terms", "output"),
    [
        ("OR", ["A&B'", "B&A'"], "1"),
        ("NOR", ["A&B", "B⊕A"], "0"),
        ("XOR", ["A↑B", "A⊕A'", "A↑A"], "0"),
        ("AND", ["A↑B"], "1"),
    ],
)
def test_circuits_by_hand(gate: str, terms: list[str], output: str) -> None:
    about = {"term_strings": terms, "assignments": {"A": 1, "B": 0}, "final_gate": gate}
    made = circuit_logic._puzzle({"metadata": about, "question": "… What is the final output?", "answer": "1"})
    assert (made.answer, made.group, made.relabelled) == (output, gate, output == "0")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--n=0", "--seed=1", "--families={}"], "--n is 0; it must be an integer of at least 1"),
        (["--n=1", "--seed=-1", "--families={}"], "--seed is -1"),
        (["--n=1", "--seed=1", "--families=no"], "--families: Expecting value"),
        (["--n=1", "--seed=1", "--families={}"], "--families: needed is a mapping such as"),
        (["--n=1", "--seed=1", '--families=["syllogism"]'], "needed is a mapping such as {circuit_logic: {}}"),
        (["--n=1", "--seed=1", '--families={"sudoku": {}}'], "'sudoku' is no family of puzzles; allowed are circuit_"),
        (["--n=1", "--seed=1", '--families={"knights_knaves": {"people": 9}}'], "knights_knaves: people: Input should"),
        (["--n=1", "--seed=1", '--families={"knights_knaves": {"people": 2, "width": 4}}'], "width: 4 different"),
        (["--n=1", "--seed=1", '--families={"circuit_logic": {"min_terms": 6}}'], "min_terms: 6 is more than"),
        (["--n=9", "--seed=1", '--families={"syllogism": {}}', "--exclude=no.jsonl"], "no.jsonl: cannot be read"),
    ],
)  # fmt: skip
def test_bad_arguments_are_one_line_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=re.escape(complaint)):
        command([*arguments, "--out=out.jsonl"])
    assert not list(tmp_path.iterdir())


def test_a_family_that_has_no_more_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow.sources.logic.generate.PATIENCE", 3)
    with pytest.raises(SourceError, match="--n 90: knights_knaves has no new puzzle left for number"):
        generated(tmp_path / "a", 90, 1, {"knights_knaves": {"people": 2}})
