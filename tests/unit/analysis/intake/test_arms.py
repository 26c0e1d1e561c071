"""What is said of arms."""

import json
from pathlib import Path
from typing import Any

import pytest

from analysis import InputError
from analysis.intake.arms import Described, read_arms
from analysis.tables.names import described, inline_name, name


def read(folder: Path, content: Any) -> dict[str, Described]:
    path = folder / "arms.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_arms(path)


def test_whatever_is_said_holds_and_nothing_has_to_be(tmp_path: Path) -> None:
    look = {"colour": "#00ff00", "marker": "*"}
    arms = read(tmp_path, {"a_b": {"title": "A", "inline": "an a", "look": look, "spends": ["rollouts"]}, "c_d": {}})
    assert arms == {"a_b": Described("A", "an a", ("#00ff00", "*"), ("rollouts",)), "c_d": Described()}
    with described(arms):
        assert [(name(one), inline_name(one)) for one in ("a_b", "c_d", "e_f")] == [
            ("A", "an a"), ("c d", "c d"), ("e f", "e f")
        ]  # fmt: skip
    assert name("a_b") == "a b"
    # Half a character, which no file holds.
    assert read(tmp_path, '{"a": {"title": "\\ud800"}}')["a"].title == "?"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ([], "needed is an object with a method each"),
        ({"a": {"titel": "A"}}, "a: needed is an object with some of title, inline, look, spends"),
        ({"a": {"title": 3}}, "a: title is 3: needed is text or null"),
        ({"a": {"spends": "rollouts"}}, 'a: spends is "rollouts": needed is a list of words or null'),
        ({"a": {"look": {"colour": "red", "marker": "o"}}}, "a: look is "),
        ({"a": {"look": ["#00ff00", "o"]}}, "a: look is "),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert said in str(caught.value) and "\n" not in str(caught.value)
