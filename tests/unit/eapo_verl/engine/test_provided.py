"""What training prompts are provided with of experts' solutions."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eapo_verl.engine.prompts import write_all
from eapo_verl.engine.provided import provide
from eapo_verl.settings.run import RunError, RunSettings
from workflow.embedded.tokenizer import build_tokenizer

ANSWERS = {"p0": "266", "p1": "12", "p2": "7", "p3": "345"}
LONG = "1+1=2;" * 20
#: By problem; p3 has none.
SOLUTIONS = {
    "a": {
        "p0": "1+1=2;3+3=6;5+1=6;\\boxed{266}",
        "p1": f"{LONG}\\boxed{{12}}",
        "p2": "7</consult>\\boxed{7}",
    },
    "b": {"p0": "1*2=2,2+4=6,6+0=6;\\boxed{266}", "p1": "1+1=2;\\boxed{13}", "gone": "\\boxed{1}"},
    # The same one again.
    "c": {"p0": "1+1=2;3+3=6;5+1=6;\\boxed{266}"},
}
GUARDED = {"trigger": "never"}
PLAIN = {"learning_rate": 1e-4, "normalise_by_std": False}


def run(folder: Path, solutions: dict[str, dict[str, str]] = SOLUTIONS, **changes: Any) -> RunSettings:
    build_tokenizer().save_pretrained(folder / "policy")
    problems = [
        {"id": name, "problem": "1+1", "answer": answer, "task": "integers_bare"} for name, answer in ANSWERS.items()
    ]
    for name in ("train", "validation"):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in problems))
    for expert, texts in solutions.items():
        rows = [
            {"problem_id": name, "expert": expert, "solution": text, "answer": ANSWERS.get(name, "1"), "tokens": 9}
            for name, text in texts.items()
        ]
        (folder / f"{expert}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / f"{expert}.provenance.json").write_text("{}")
    fields: dict[str, Any] = {
        "experiment": "e", "method": "m", "kind": "k", "seed": 1, "policy": folder / "policy",
        "train_file": folder / "train.jsonl", "validation_file": folder / "validation.jsonl",
        "solutions": {expert: folder / f"{expert}.jsonl" for expert in solutions}, "consultation": GUARDED,
        "budget": {"steps": 3, "prompts_per_step": 4, "rollouts_per_prompt": 4, "mini_batches": 2,
                   "validate_every": 1, "validation_samples": 1, "checkpoint_every": 1},
        "optimiser": PLAIN, "lengths": {"prompt": 40, "response": 64}, "config_sha256": "0",
    }  # fmt: skip
    return RunSettings(**(fields | changes))


def provided(settings: RunSettings, folder: Path) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """What is counted, and the rows as verl reads them."""
    write_all(settings, folder)
    counts = provide(settings, folder)
    assert "solutions" not in pd.read_parquet(folder / "validation.parquet").to_dict("records")[0]["extra_info"]
    return counts, pd.read_parquet(folder / "train.parquet").to_dict("records")


def test_solutions_that_can_be_learned_word_for_word_become_rows(tmp_path: Path) -> None:
    settings = run(tmp_path, off_policy={"rows": 3})
    counts, rows = provided(settings, tmp_path)
    texts = [list(row["extra_info"]["solutions"]) for row in rows]
    assert sorted(texts[0]) == sorted({SOLUTIONS["a"]["p0"], SOLUTIONS["b"]["p0"]}) and texts[1:] == [[], [], []]
    assert counts == {
        "solutions": 5, "solutions_wrong": 1, "solutions_unsafe": 1, "solutions_too_long": 1,
        "prompts_with_rows": 1, "rows": 2,
    }  # fmt: skip
    # For each row that is always there, a rollout less.
    assert [row["__rollout_n__"] for row in rows] == [2, 4, 4, 4]
    assert [list(row["prompt"]) for row in rows] == [[{"role": "user", "content": "1+1"}]] * 4


def test_where_rows_are_for_failed_groups_all_rollouts_are_sampled(tmp_path: Path) -> None:
    _, rows = provided(run(tmp_path, off_policy={"rows": 1, "when": "group_failed"}), tmp_path)
    assert "__rollout_n__" not in rows[0] and len(rows[0]["extra_info"]["solutions"]) == 1


def test_the_runs_seed_chooses_among_solutions(tmp_path: Path) -> None:
    chosen = {
        provided(run(tmp_path, off_policy={"rows": 1}, seed=seed), tmp_path)[1][0]["extra_info"]["solutions"][0]
        for seed in range(8)
    }
    assert chosen == {SOLUTIONS["a"]["p0"], SOLUTIONS["b"]["p0"]}


def test_hints_fit_or_are_counted(tmp_path: Path) -> None:
    half = {name: text for name, text in SOLUTIONS["a"].items() if name != "p2"} | {"p2": "\\boxed{7}"}
    counts, rows = provided(run(tmp_path, {"a": half}, hint={"share": 0.5}), tmp_path)
    assert [row["extra_info"]["hint"] for row in rows] == [
        {"text": "1+1=2;3+3=6;5+", "fate": "shown"},
        {"text": None, "fate": "too_long"},
        {"text": None, "fate": "missing"},  # nothing but its answer
        {"text": None, "fate": "missing"},
    ]
    assert counts == {
        "solutions": 3, "solutions_wrong": 0, "hint_shown": 1, "hint_too_long": 1, "hint_missing": 2
    }  # fmt: skip


def test_a_run_without_solutions_is_left_alone(tmp_path: Path) -> None:
    settings = run(tmp_path, {})
    write_all(settings, tmp_path)
    before = (tmp_path / "train.parquet").read_bytes()
    assert provide(settings, tmp_path) == {} and (tmp_path / "train.parquet").read_bytes() == before


def test_solutions_of_which_it_is_not_known_how_they_were_come_by_are_refused(tmp_path: Path) -> None:
    settings = run(tmp_path, hint={"share": 0.5})
    (tmp_path / "b.provenance.json").unlink()
    write_all(settings, tmp_path)
    with pytest.raises(RunError, match=r"b\.provenance\.json: cannot be read"):
        provide(settings, tmp_path)


@pytest.mark.parametrize("use", [{"hint": {"share": 0.5}}, {"off_policy": {"rows": 1}}])
def test_where_nothing_can_be_used_it_is_one_line(tmp_path: Path, use: dict[str, Any]) -> None:
    settings = run(tmp_path, {"a": {"p1": f"{LONG}\\boxed{{12}}"}}, **use)
    write_all(settings, tmp_path)
    with pytest.raises(RunError) as caught:
        provide(settings, tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'a.jsonl'}: nothing that can be used with any of 4 training prompts (")
    assert "too_long 1" in said and "lengths.prompt" in said and "\n" not in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hint": {"share": 0.5}, "solutions": {}}, "uses experts' solutions, but the run names no file of them"),
        ({"off_policy": {}, "optimiser": PLAIN | {"normalise_by_std": True}}, "normalise_by_std: beside off-policy"),
        ({"off_policy": {}, "optimiser": PLAIN | {"kl_coefficient": 0.1}}, "allowed is 0.0, got 0.1"),
        ({"off_policy": {"rows": 4}}, r"off_policy.rows \(4\) has to be below budget.rollouts_per_prompt \(4\)"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        run(tmp_path, **changes)
