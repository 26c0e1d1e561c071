"""What was run, as tables."""

import json
from pathlib import Path

import pytest

from analysis import InputError
from analysis.intake.runs import COSTS, Run, read_run
from analysis.tables.runs import miscounts, run_rows, shared_facts

FIELDS = {
    "method": "eapo", "seed": 3, "config_sha256": "c0ffee" * 10, "git_sha": None, "versions": {"verl": "0.9.1"},
    "hardware": "two cores", "wall_s": 90, "policy_tokens": 1234567, "expert_tokens": None, "colour": "red",
}  # fmt: skip
FATES = {
    "asked": 12,
    "accepted": 5,
    "annealed": 1,
    "spared": 1,
    "gated": 2,
    "timed_out": 1,
    "failed": 1,
    "truncated": 1,
}


def read(folder: Path, **changes: object) -> Run:
    path = folder / "run.json"
    path.write_text(json.dumps(FIELDS | {"consultations": FATES} | changes))
    return read_run(path)


def test_a_run_shows_every_fate_that_it_counts_in_their_order(tmp_path: Path) -> None:
    run = read(tmp_path)
    other = read(tmp_path, consultations={"asked": 3, "accepted": 1, "cached": 2}, method="leap")
    alone = read(tmp_path, consultations=None, method="self_exploratory")
    rows = run_rows([alone, run, other])
    fates = ["asked", "accepted", "annealed", "spared", "gated", "timed out", "failed", "truncated", "cached"]
    assert list(rows[1])[7:] == fates and all(list(row) == list(rows[1]) for row in rows)
    assert [rows[1][fate] for fate in fates] == ["12", "5", "1", "1", "2", "1", "1", "1", "0"]
    assert [rows[0][fate] for fate in fates] == ["0"] * 9
    for row in rows:
        assert int(row["asked"]) == sum(int(row[fate]) for fate in fates[1:])
    assert (rows[1]["minutes"], rows[1]["policy tokens"], rows[1]["expert tokens"], rows[1]["commit"]) == (
        *("1.5", "1,234,567"), *("–", "–"),
    )  # fmt: skip
    assert miscounts([alone, run, other]) == []


@pytest.mark.parametrize(("asked", "said"), [(15, "3 of the queries have no fate"), (11, "1 of the queries have more")])
def test_fates_that_do_not_add_up_are_said(tmp_path: Path, asked: int, said: str) -> None:
    (sentence,) = miscounts([read(tmp_path, consultations=FATES | {"asked": asked})])
    assert sentence.startswith(f"EAPO, seed 3: {said}")


def test_facts_are_listed_once_and_all_where_runs_differ(tmp_path: Path) -> None:
    facts = shared_facts([read(tmp_path), read(tmp_path), read(tmp_path, versions={"verl": "0.9.2", "vllm": "1"})])
    assert facts == [
        {"name": "verl", "value": "0.9.1; 0.9.2"},
        {"name": "hardware", "value": "two cores"},
        {"name": "vllm", "value": "1"},
    ]
    assert {"name": "accelerators", "value": "–"} in shared_facts([read(tmp_path, hardware={"accelerators": []})])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"consultations": 3}, "'consultations' is 3: needed are whole numbers by name, or null"),
        ({"consultations": {"asked": 1.5}}, "needed are whole numbers by name"),
        ({"consultations": {"accepted": 1}}, "'consultations' has no 'asked' (it has accepted)"),
        ({"costs": []}, "'costs' is []: needed is an object, or null"),
        ({"costs": {"flops": 1}}, "'costs' lacks 'policy_tokens_sampled'"),
        ({"costs": dict.fromkeys(COSTS, 1) | {"flops": "many"}}, "flops of 'costs' is \"many\": needed is a number"),
        ({"costs": dict.fromkeys(COSTS, 1) | {"flops": -1}}, "flops of 'costs' is -1: needed is a number or null"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, **changes)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(FIELDS))
    with pytest.raises(InputError, match=r"run.json: 'consultations' is missing \(needed are method, seed"):
        read_run(path)
