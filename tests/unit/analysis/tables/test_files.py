"""Tables as files: whatever a name holds, every cell is text, and stays in its place."""

import csv
import re
import string
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.tables.files import read_table, write_table

COLUMNS: dict[str, type] = {"method": str, "value": float, "note_%": str}
NAMES = [
    "a_b & c % d # e $ f { g } ~ ^ \\",
    "=HYPERLINK(\"https://example.org\")", "+1", "-1", "@SUM(1)", "\t=1", "'quoted", "＝1",
    "[x]", "*", "NA", "nan", "None", "1", "007", "a,b;c", 'say "x"', "a|b", "two\nlines", "<b>", "Zürich – σ",
]  # fmt: skip
#: What stands for a sign of a name in LaTeX.
WORDS = re.compile(
    r"\\(?:textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}|\\[_%&#${}]|\{[\[*]\}"
    r"|\$(?:-|\\infty)\$"
)


def written(folder: Path, names: list[str]) -> dict[str, str]:
    rows = [[name, index - 0.5, None if index % 2 else name] for index, name in enumerate(names)]
    write_table(folder, "main", pd.DataFrame(rows, columns=list(COLUMNS)))
    return {form: (folder / f"main.{form}").read_text(encoding="utf-8") for form in ("csv", "md", "tex")}


def check_latex(text: str, rows: int) -> None:
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert len(body) == rows
    for line in body:
        assert line.endswith(r" \\")
        left = WORDS.sub("", line.removesuffix(r" \\")).split("&")
        assert len(left) == len(COLUMNS)
        assert not set("\\{}$&#_%~^<>|[*") & set("".join(left)), line


@pytest.mark.parametrize("name", NAMES)
def test_every_form_has_a_name_as_text(name: str, tmp_path: Path) -> None:
    forms = written(tmp_path, [name, "plain"])
    read = read_table(tmp_path, "main", COLUMNS)
    assert read["method"].tolist() == [name, "plain"] and read["value"].tolist() == [-0.5, 0.5]
    assert read["note_%"].tolist()[0] == name and read["note_%"].isna().tolist() == [False, True]
    with (tmp_path / "main.csv").open(newline="", encoding="utf-8") as file:
        cells = [row["method"] for row in csv.DictReader(file)]
    assert not cells[0].startswith(tuple("=+-@\t\r\n＝")) and cells[1] == "plain"
    check_latex(forms["tex"], 2)
    assert len({line.replace(r"\|", "").count("|") for line in forms["md"].splitlines()}) == 1
    assert forms["md"].count("\n") == 4


def test_numbers_are_no_formulas_and_stay_as_they_are(tmp_path: Path) -> None:
    assert written(tmp_path, ["a", "b", "c"])["csv"] == "method,value,note_%\na,-0.5,a\nb,0.5,\nc,1.5,c\n"


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.text(string.printable.replace("\r", "") + "=−–∞ü＝", min_size=1), min_size=1, max_size=3))
def test_any_names_stay_in_their_cells(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tables")
    forms = written(folder, names)
    assert read_table(folder, "main", COLUMNS)["method"].tolist() == names
    check_latex(forms["tex"], len(names))
    assert forms["md"].count("\n") == 2 + len(names)
