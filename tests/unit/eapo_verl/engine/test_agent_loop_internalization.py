"""The sample without the consultation that the agent loop returns beside a rollout."""

import json
from pathlib import Path

import pytest

from eapo_verl.experts.reply import Reply
from tests.scripted_rollout import ALWAYS, ANSWER, CONSULT, NEVER, PROBLEM, TOKENIZER, Experts, Script, ids, roll_out

pytestmark = pytest.mark.engine  # imports verl
INTERNALIZE = {"target": "continuation", "weight": {"peak": 1.0}}


def test_an_internalization_sample_holds_the_solution_and_no_consultation() -> None:
    replies = [Reply("a", "answered", "4+7=1,1@3=6")] * 2
    script = Script(CONSULT, ANSWER + "</s>")
    output, _ = roll_out(script, Experts(*replies), acceptance=ALWAYS, internalization=INTERNALIZE)
    extra = output.extra_fields["extra"]
    assert extra.response_ids == ids(ANSWER + "</s>") and set(extra.response_mask) == {1}
    assert extra.prompt_ids == ids(PROBLEM + "\n")


def test_a_policy_that_ends_its_turn_with_another_token_internalizes_too(tmp_path: Path) -> None:
    # Gemma and Phi name theirs in generation_config.json, beside the tokenizer's own.
    own = TOKENIZER.convert_tokens_to_ids("}")
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [own, 99]}))
    replies = [Reply("a", "answered", "4+7=1,1@3=6")] * 2
    settings = {"acceptance": ALWAYS, "internalization": INTERNALIZE, "policy": tmp_path}
    output, _ = roll_out(Script(CONSULT, ANSWER), Experts(*replies), **settings)
    assert output.extra_fields["extra"].response_ids == [*ids(ANSWER), own]


@pytest.mark.parametrize(
    ("turns", "acceptance", "settings"),
    [
        ((CONSULT, ANSWER), ALWAYS, INTERNALIZE),  # cut before its end
        ((CONSULT, ANSWER + "</s>"), NEVER, INTERNALIZE),  # no reply was accepted
        ((CONSULT, ANSWER + "</s>"), ALWAYS, {}),  # switched off
    ],
)
def test_where_there_is_nothing_to_internalize(turns: tuple[str, ...], acceptance: dict, settings: dict) -> None:
    replies = [Reply("a", "answered", "x")] * 2
    output, _ = roll_out(Script(*turns), Experts(*replies), acceptance=acceptance, internalization=settings)
    assert output.extra_fields["extra"] is None
