"""Samples of two questions, two of each, as other harnesses leave them in a folder."""

import csv
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

#: Problem, right answer and responses.
PROBLEMS = {"One plus one,\n\nor two?": ("2", ["so \\boxed{2}", 'he said "\\boxed{3}",\n\nI "so"']),
            "Two plus two?": ("4", ["\\boxed{4}", "\\boxed{4} ü"])}  # fmt: skip
DATE = "2026-11-24T07-26-29.023381"
EACH = [(number, problem, answer, texts) for number, (problem, (answer, texts)) in enumerate(PROBLEMS.items())]


def lines(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding)


def value(path: Path, content: Any, indent: int | None = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=False), "utf-8")


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def cells(path: Path, rows: list[dict[str, Any]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def logged() -> list[dict[str, Any]]:
    """Lines of lm-eval."""
    return [
        {"doc_id": number, "doc": {"problem": problem}, "target": answer, "arguments": [["prompt", {}]],
         "resps": [texts], "filtered_resps": [texts[0]], "exact_match": 1.0}
        for number, problem, answer, texts in EACH
    ]  # fmt: skip


def a_row_each(**more: Any) -> list[dict[str, Any]]:
    """Plain rows, a response each."""
    return [
        {"question_id": number, "sample": sample, "response": text, "answer": answer, **more}
        for number, _, answer, texts in EACH
        for sample, text in enumerate(texts)
    ]


def old_lm_eval(folder: Path) -> None:
    value(folder / "pretrained__org__my_model,dtype__float32_aime24.jsonl", logged())
    value(folder / "results.json", {"results": {"aime24": {"exact_match": 1.0}, "24": {}}})


def gunzipped(folder: Path) -> None:
    with gzip.open(folder / "samples_aime24.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in logged()))


def lighteval(folder: Path) -> None:
    rows = [
        {"doc": {"id": str(number), "query": problem, "choices": [answer], "gold_index": [0]},
         "metric": {"pass@1": 1.0},
         "model_response": {"input": "…", "text": texts, "output_tokens": [[1, 2, 3], [4]]}}
        for number, problem, answer, texts in EACH
    ]  # fmt: skip
    table(folder / f"details/org/model/{DATE}/details_lighteval|aime24|0_{DATE}.parquet", rows)
    value(folder / f"results/org/model/results_{DATE}.json", {"results": {"lighteval|aime24|0": {"pass@1": 1.0}}})


def old_lighteval(folder: Path) -> None:
    rows = [
        {
            "example": problem,
            "full_prompt": f"Q: {problem}",
            "gold": [answer],
            "predictions": texts,
            "metrics": {"em": 1},
        }
        for _, problem, answer, texts in EACH
    ]
    table(folder / f"details_custom|aime24|0_{DATE}.parquet", rows)


def evalchemy(folder: Path) -> None:
    examples = [
        {
            "id": number,
            "problem": problem,
            "expected_answer": answer,
            "model_outputs": texts,
            "model_answers": ["2", "3"],
        }
        for number, problem, answer, texts in EACH
    ]
    value(folder / f"org__model/results_{DATE}.json", {"results": {"aime24": {"examples": examples, "num_total": 2}}})


def nemo(folder: Path) -> None:
    for sample in range(2):
        rows = [
            {"problem": problem, "expected_answer": answer, "generation": texts[sample], "predicted_answer": "2",
             "num_generated_tokens": 7, "finish_reason": "stop"}
            for _, problem, answer, texts in EACH
        ]  # fmt: skip
        lines(folder / f"eval-results/aime24/output-rs{sample}.jsonl", rows)
    value(folder / "eval-results/aime24/metrics.json", {"aime24": {"pass@1": {}}})


def opencompass(folder: Path) -> None:
    rows = {
        str(number): {"origin_prompt": [{"role": "HUMAN", "prompt": problem}], "prediction": texts, "gold": answer}
        for number, problem, answer, texts in EACH
    }
    value(folder / "predictions/model/aime24.json", rows)
    value(folder / "results/model/aime24.json", {"accuracy": 75.0})
    (folder / "summary").mkdir()
    (folder / "summary/summary.csv").write_text("dataset,version\naime24,1\n")


def matharena(folder: Path) -> None:
    for number, problem, answer, texts in EACH:
        conversations = [
            [{"role": "user", "content": problem}, {"role": "assistant", "type": "response", "content": text}]
            for text in texts
        ]
        run = {"idx": number, "problem": problem, "gold_answer": answer, "N": 2, "answers": ["2", "3"],
               "correct": [True, False], "messages": conversations,
               "detailed_costs": [{"cost": 0.1, "input_tokens": 3, "output_tokens": 9}] * 2}  # fmt: skip
        value(folder / f"aime24/{number + 1}.json", run)


def matharena_table(folder: Path) -> None:
    rows = [
        {"problem_idx": number, "problem": problem, "idx_answer": sample, "answer": text, "parsed_answer": "2",
         "gold_answer": answer, "correct": True, "output_tokens": 5}
        for number, problem, answer, texts in EACH
        for sample, text in enumerate(texts)
    ]  # fmt: skip
    table(folder / "aime24.parquet", rows)


def inspect_samples() -> list[dict[str, Any]]:
    return [
        {"id": number, "epoch": epoch, "input": problem, "target": answer,
         "output": {"model": "m", "choices": [{"message": {"role": "assistant", "content": [
             {"type": "reasoning", "reasoning": "\\boxed{9}"}, {"type": "text", "text": text}]},
             "stop_reason": "stop"}], "usage": {"output_tokens": 8}}}
        for number, problem, answer, texts in EACH
        for epoch, text in enumerate(texts, start=1)
    ]  # fmt: skip


def inspect_log(folder: Path, **changes: Any) -> None:
    log = {"version": 2, "status": "success", "eval": {"task": "inspect_evals/aime24"}, "results": {}} | changes
    value(folder / f"{DATE}_aime24_X.json", log | {"samples": inspect_samples()})


def inspect_archive(folder: Path, status: str = "success", method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(folder / f"{DATE}_aime24_X.eval", "w", method) as archive:
        for sample in inspect_samples():
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps({"status": status, "eval": {"task": "inspect_evals/aime24"}}))


def verl_parquet(folder: Path, responses: bool = True) -> None:
    rows = [
        {"data_source": "aime", "prompt": [{"role": "user", "content": problem}], "ability": "math",
         "reward_model": {"style": "rule", "ground_truth": answer}, "extra_info": {"index": number, "split": "test"}}
        | ({"responses": texts} if responses else {})
        for number, problem, answer, texts in EACH
    ]  # fmt: skip
    table(folder / "aime24.parquet", rows)


def verl_dump(folder: Path) -> None:
    rows = [
        {"input": f"user\n{problem}", "output": text, "gts": answer, "score": 1.0, "step": 5}
        for _, problem, answer, texts in EACH
        for text in texts
    ]
    lines(folder / "aime24.jsonl", rows)


def write_out(folder: Path) -> None:
    rows = [
        {"doc_id": number, "prompt_0": problem, "logit_0": texts[0], "truth": answer, "acc": "True"}
        for number, problem, answer, texts in EACH
    ]
    value(folder / "aime24_write_out_info.json", rows)


#: What is written into a folder, and how many samples of each question it holds.
HARNESSES: dict[str, tuple[Callable[[Path], None], int]] = {
    "lm-eval": (lambda folder: lines(folder / f"org__model/samples_aime24_{DATE}.jsonl", logged()), 2),
    "lm-eval, .json of lines": (lambda folder: lines(folder / f"samples_aime24_{DATE}.json", logged()), 2),
    "lm-eval, targets in lists": (
        lambda folder: lines(folder / "samples_aime24.jsonl", [{**row, "target": [row["target"]]} for row in logged()]),
        2),
    "lm-eval, BOM": (lambda folder: lines(folder / f"samples_aime24_{DATE}.jsonl", logged(), "utf-8-sig"), 2),
    "lm-eval, gunzipped": (gunzipped, 2),
    "lm-eval 0.4.2, renamed": (lambda folder: value(folder / "samples_aime24.jsonl", logged()), 2),
    "lm-eval 0.4.2, on one line": (lambda folder: value(folder / "samples_aime24.jsonl", logged(), None), 2),
    "lm-eval 0.4.2": (old_lm_eval, 2),
    "lm-eval 0.3": (write_out, 1),
    "lighteval": (lighteval, 2),
    "lighteval, folders above": (lambda folder: lighteval(folder / "runs/mine"), 2),
    "lighteval 0.8": (old_lighteval, 2),
    "evalchemy": (evalchemy, 2),
    "NeMo-Skills": (nemo, 2),
    "OpenCompass": (opencompass, 2),
    "OpenCompass, folders above": (lambda folder: opencompass(folder / "20260101_000000"), 2),
    "matharena": (matharena, 2),
    "matharena, a table": (matharena_table, 2),
    "inspect, JSON": (inspect_log, 2),
    "inspect": (inspect_archive, 2),
    "verl": (verl_parquet, 2),
    "verl, validation": (verl_dump, 2),
    "CSV": (lambda folder: cells(folder / "aime24.csv", a_row_each()), 2),
    "CSV of a spreadsheet": (lambda folder: cells(folder / "aime24.csv", a_row_each(), encoding="utf-8-sig"), 2),
    "TSV": (lambda folder: cells(folder / "aime24.tsv", a_row_each(n_tokens=""), "\t"), 2),
    "parquet": (lambda folder: table(folder / "aime24.parquet", a_row_each(n_tokens=5)), 2),
    "an array": (lambda folder: value(folder / "aime24.json", a_row_each()), 2),
    "lines without sample": (
        lambda folder: lines(folder / "aime24.jsonl", [
            {key: row[key] for key in ("question_id", "response", "answer")} for row in a_row_each()]), 2),
}  # fmt: skip
