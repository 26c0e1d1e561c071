"""As many votes as other samples are worth: what those cost by their provenance, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from baselines.procedures.self_consistency import SelfConsistency
from tests.scripted_sample import shipped
from workflow.sampling.other_samples import flops_a_sample
from workflow.sampling.request import SamplingError
from workflow.sampling.turns import Turns, read_turns

#: Samples of a policy of 10 parameters, alone and with two experts of 20 and 50.
ALONE: dict[str, Any] = {
    "questions": 5, "samples": 2, "output_tokens": 300, "policy_parameters": 10,
    "expert_tokens": 0, "tokens_of_experts": {}, "expert_parameters": {},
}  # fmt: skip
ASKING = ALONE | {
    "expert_tokens": 150, "tokens_of_experts": {"wise": 100, "old": 50}, "expert_parameters": {"wise": 20, "old": 50}
}  # fmt: skip


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def matched(folder: Path, workflow: dict[str, Any], **changes: Any) -> Turns:
    files = {
        arm: [str(write(folder / arm / f"{name}.provenance.json", content)) for name in "ab"]
        for arm, content in {"expert_workflow": workflow, "base": ALONE}.items()
    }
    turns = read_turns(shipped("self_consistency", **changes).model_dump_json(), None, None, None, json.dumps(files))
    assert turns is not None
    return turns


def test_a_token_weighs_by_the_size_of_the_model_that_wrote_it(tmp_path: Path) -> None:
    alone, asking = (write(tmp_path / name, one) for name, one in (("alone", ALONE), ("asking", ASKING)))
    assert flops_a_sample([alone]) == 2 * 10 * 30
    assert flops_a_sample([asking]) == 2 * (10 * 30 + 20 * 10 + 50 * 5)
    # The mean is over samples, and not over files.
    few = write(tmp_path / "few", ALONE | {"questions": 1, "samples": 1, "output_tokens": 85})
    assert flops_a_sample([alone, few]) == 2 * 10 * (300 + 85) / 11


@pytest.mark.parametrize(
    ("output_tokens", "votes", "over"),
    # 300 tokens a vote, and experts' 150 are worth 450 of the policy's.
    [(300, 3, 0.5), (450, 3, 0.0), (451, 4, 0.9966666), (4500, 17, 0.5)],
)
def test_votes_are_rounded_up_and_the_excess_is_said(
    tmp_path: Path, output_tokens: int, votes: int, over: float
) -> None:
    turns = matched(tmp_path, ASKING | {"output_tokens": output_tokens})
    assert isinstance(turns.procedure, SelfConsistency) and turns.procedure.votes == turns.procedure.width == votes
    vote = 2 * 10 * 30
    assert turns.matched == {
        "votes": votes, "flops": pytest.approx(vote * (output_tokens + 450) / 300), "flops_a_vote": vote,
        "flops_over": pytest.approx(over * vote, abs=1e-3),
    }  # fmt: skip


def test_there_is_one_vote_at_least_and_a_stated_number_is_taken_as_it_is(tmp_path: Path) -> None:
    assert matched(tmp_path, ALONE | {"output_tokens": 1}).matched["votes"] == 1
    stated = matched(tmp_path, ASKING, votes=7)
    assert stated.procedure.width == 7 and stated.matched == {}


def test_samples_depend_on_the_number_and_not_on_what_it_came_from(tmp_path: Path) -> None:
    known = matched(tmp_path, ASKING)
    assert matched(tmp_path, ASKING | {"output_tokens": 310}).identity == known.identity
    assert matched(tmp_path, ASKING | {"output_tokens": 3000}).identity != known.identity


@pytest.mark.parametrize(
    "content",
    [
        {key: value for key, value in ASKING.items() if key != "tokens_of_experts"},
        ASKING | {"tokens_of_experts": {"wise": 100}},
        ASKING | {"expert_parameters": {"wise": 20, "old": None}},
        ASKING | {"policy_parameters": None},
        [],
    ],
)
def test_what_does_not_say_its_cost_is_one_line(tmp_path: Path, content: Any) -> None:
    with pytest.raises(
        SamplingError, match=r"^--samples-of: .*/expert_workflow/a\.provenance\.json does not say"
    ) as said:
        matched(tmp_path, content)
    assert "\n" not in str(said.value)


def test_nothing_written_or_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SamplingError, match="nothing was written there"):
        matched(tmp_path, ALONE | {"output_tokens": 0})
    with pytest.raises(SamplingError, match="no file: nothing was written there"):
        flops_a_sample([])
    with pytest.raises(SamplingError, match=r"does not say what its samples cost \(FileNotFoundError"):
        flops_a_sample([tmp_path / "none.json"])
