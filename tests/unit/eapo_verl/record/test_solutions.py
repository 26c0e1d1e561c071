"""The files of experts' solutions."""

from pathlib import Path

import pytest

from eapo_verl.record.solutions import Solution, provenance_file, read_provenance, read_solutions, write_solutions
from eapo_verl.settings.run import RunError

ONE = Solution("q-1", "wise", "a\u2028b \\boxed{5}", "5", 7)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "wise.jsonl"
    write_solutions(path, [ONE, ONE], {"asked": 3})
    assert read_solutions(path) == [ONE, ONE]
    assert provenance_file(path).name == "wise.provenance.json" and read_provenance(path) == {"asked": 3}


def test_what_is_no_solution_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wise.jsonl"
    with pytest.raises(RunError, match=r"wise\.jsonl: cannot be read: No such file"):
        read_solutions(path)
    write_solutions(path, [ONE], {})
    with path.open("a") as file:
        file.write('{"problem_id": "q-2"}\n')
    with pytest.raises(RunError, match=r"wise\.jsonl:2: is no solution \(problem_id, expert"):
        read_solutions(path)
    provenance_file(path).unlink()
    with pytest.raises(RunError, match=r"wise\.provenance\.json: cannot be read"):
        read_provenance(path)
