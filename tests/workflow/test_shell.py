"""What stands in an experiment reaches the shell as words: never as something to be carried out."""

import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.default_experiment import plan
from tests.placed_experiment import write_model

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
#: Of Snakemake's own making.
NUMBERS = ("threads",)
_COMMAND = re.compile(r"^    shell:\n((?:^        .*\n)+)", re.MULTILINE)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_field_of_a_command_is_quoted(path: Path) -> None:
    commands = _COMMAND.findall(path.read_text() + "\n")
    assert len(commands) == path.read_text().count("    shell:\n") > 0
    fields = [field for command in commands for field in re.findall(r"\{([^}]*)\}", command)]
    assert fields and [one for one in fields if one not in NUMBERS and not one.endswith(":q")] == []


def test_words_of_a_users_stay_one_each(tmp_path: Path) -> None:
    folder = tmp_path / "-a $(touch owned) 'c\\"
    write_model(folder)
    words = plan(models__expert_a={"source": "local", "path": str(folder)}).lease("eapo", 1, "training")
    assert f"expert_a={folder}:64" in words
