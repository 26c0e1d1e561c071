"""What the harnesses of others call the parts of a sample, in one vocabulary.

Most call them by plain names, of which :mod:`analysis.intake.parts` knows several for each; a harness has an entry here
where its rows are nested, or where its names mean something else. Its row becomes one with the names question_id,
responses, answer and, where it tells them, sample, n_tokens and finish_reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from analysis import InputError

Row = Mapping[str, Any]


class Harness(NamedTuple):
    """Whose rows have all of ``fields``, and what such a row is in plain names; that may raise InputError."""

    name: str
    fields: frozenset[str]
    plain: Callable[[str, Row], dict[str, Any]]


def plain(where: str, row: Row) -> Row:
    """The row in plain names, in lower case. Raises InputError: it is of one of :data:`HARNESSES`, and lacks a part."""
    for harness in HARNESSES:
        if harness.fields <= row.keys():
            try:
                return harness.plain(where, row)
            except (KeyError, IndexError, TypeError, AttributeError) as error:
                raise InputError(f"{where}: is not as {harness.name} writes a sample ({error!r})"[:300]) from error
    return {name.strip().lower(): value for name, value in row.items()}


def said(content: Any) -> Any:
    """The text of a message: its content, or the text parts of it; thoughts and images are none."""
    if not isinstance(content, list):
        return content
    parts = [part for part in content if isinstance(part, dict) and part.get("type", "text") == "text"]
    return "\n".join(str(part.get("text")) for part in parts)


def _lighteval(where: str, row: Row) -> dict[str, Any]:
    document, response = row["doc"], row["model_response"]
    gold = document["gold_index"]
    tokens = response.get("output_tokens") or []
    return {
        "question_id": document.get("id") or document["query"],
        "responses": response["text"],
        "answer": [document["choices"][index] for index in (gold if isinstance(gold, list) else [gold])],
        "n_tokens": [len(one) for one in tokens] if len(tokens) == len(response["text"]) else None,
    }


def _lighteval_0_8(where: str, row: Row) -> dict[str, Any]:
    question = row.get("example") or row["full_prompt"]
    return {"question_id": question, "responses": row["predictions"], "answer": row["gold"]}


def _inspect(where: str, row: Row) -> dict[str, Any]:
    if row.get("error"):
        raise InputError(f"{where}: its run ended in an error: needed are samples without")
    choice, usage = row["output"]["choices"][0], row["output"].get("usage") or {}
    text = said(choice["message"]["content"])
    return {
        "question_id": row["id"],
        "sample": row["epoch"],
        # A long text may be kept beside the messages.
        "responses": [(row.get("attachments") or {}).get(text.removeprefix("attachment://"), text)],
        "answer": row["target"],
        "n_tokens": usage.get("output_tokens"),
        "finish_reason": choice.get("stop_reason"),
    }


def _matharena(where: str, row: Row) -> dict[str, Any]:
    conversations = row["messages"]
    answers = [one[-1] if isinstance(one, list) else {"content": one} for one in conversations]
    costs = row.get("detailed_costs") or []
    return {
        "question_id": row["idx"],
        "responses": [said(one["content"]) for one in answers],
        "answer": row["gold_answer"],
        "n_tokens": [one["output_tokens"] for one in costs] if len(costs) == len(conversations) else None,
    }


def _matharena_table(where: str, row: Row) -> dict[str, Any]:
    return {
        "question_id": row["problem_idx"],
        "sample": row.get("idx_answer"),
        "responses": [row["answer"]],
        "answer": row["gold_answer"],
        "n_tokens": row.get("output_tokens"),
    }


def _verl(where: str, row: Row) -> dict[str, Any]:
    number = (row.get("extra_info") or {}).get("index")
    found = {
        "question_id": said(row["prompt"][-1]["content"]) if number is None else number,
        "answer": row["reward_model"]["ground_truth"],
    }
    # What verl trains on has none.
    return found | ({"responses": row["responses"]} if "responses" in row else {})


def _lm_eval_0_3(where: str, row: Row) -> dict[str, Any]:
    return {"question_id": row["doc_id"], "responses": [row["logit_0"]], "answer": row["truth"]}


HARNESSES = (
    Harness("lighteval", frozenset({"doc", "model_response"}), _lighteval),
    Harness("lighteval up to 0.8", frozenset({"predictions", "gold", "full_prompt"}), _lighteval_0_8),
    Harness("inspect", frozenset({"id", "epoch", "target", "output"}), _inspect),
    Harness("matharena", frozenset({"idx", "gold_answer", "messages"}), _matharena),
    Harness("matharena", frozenset({"problem_idx", "gold_answer", "parsed_answer", "answer"}), _matharena_table),
    Harness("verl", frozenset({"prompt", "reward_model"}), _verl),
    Harness("lm-eval 0.3", frozenset({"doc_id", "logit_0", "truth"}), _lm_eval_0_3),
)
