"""What the agent loop makes of an expert's solution: a hint in the prompt, or a row beside the rollout."""

import math
from typing import Any

import pytest

from eapo_verl.experts.reply import Reply
from eapo_verl.method.hints import FATES
from eapo_verl.settings.run import Overlong
from tests.scripted_rollout import ALWAYS, ANSWER, CONSULT, NEVER, ONE_TURN, PROBLEM, Experts, Script, ids, roll_out

pytestmark = pytest.mark.engine  # imports verl
HINT = {"hint": {"text": "4+7=1,1@3=6", "fate": "shown"}}
HINTED = ids(f"{PROBLEM}\n4+7=1,1@3=6")


def fate(counts: dict[str, Any]) -> str:
    """The one fate that is counted."""
    (found,) = [name for name in FATES if counts[f"hint_{name}"]]
    assert counts[f"hint_{found}"] == 1
    return found


def test_a_hint_ends_the_prompt_and_is_in_the_transcript() -> None:
    script = Script(ANSWER)
    output, counts = roll_out(script, trigger="never", acceptance=ALWAYS, about=HINT, transcribed=True)
    assert script.prompts == [HINTED] and output.prompt_ids == HINTED and fate(counts) == "shown"
    assert output.extra_fields["reward_extra_info"]["transcript"]["hint"] == "4+7=1,1@3=6"


@pytest.mark.parametrize(
    ("about", "acceptance", "expected"),
    [
        (HINT, NEVER, "annealed"),
        ({"hint": {"text": None, "fate": "too_long"}}, ALWAYS, "too_long"),
        ({"hint": {"text": None, "fate": "missing"}}, ALWAYS, "missing"),
    ],
)
def test_where_none_is_shown_the_prompt_is_plain(about: dict, acceptance: dict, expected: str) -> None:
    output, counts = roll_out(Script(ANSWER), trigger="never", acceptance=acceptance, about=about, transcribed=True)
    assert output.prompt_ids == ids(PROBLEM + "\n") and fate(counts) == expected
    assert output.extra_fields["reward_extra_info"]["transcript"]["hint"] is None


def test_without_hints_nothing_is_counted() -> None:
    _, counts = roll_out(Script(ANSWER), trigger="never", acceptance=ALWAYS)
    assert [counts[f"hint_{name}"] for name in FATES] == [0] * len(FATES)


def test_a_group_is_shown_it_where_eapo_shows_its_first_rollout_its_first_reply() -> None:
    half = {"kind": "constant", "start": 0.5}
    seen = set()
    for step in range(1, 9):
        for occurrence in (0, 1):
            where = {"step": step, "occurrence": occurrence, "acceptance": half}
            experts = Experts(Reply("a", "answered", "4+7=1,1@3=6"), Reply("a", "answered", "1"))
            eapo, _ = roll_out(Script(CONSULT, ANSWER), experts, turns=ONE_TURN, transcribed=True, **where)
            first, *_ = eapo.extra_fields["reward_extra_info"]["transcript"]["turns"][0]["queries"]
            group = [
                fate(roll_out(Script(ANSWER), trigger="never", about=HINT, session=session, **where)[1])
                for session in range(3)
            ]
            assert set(group) == {"shown" if first["fate"] == "accepted" else "annealed"}
            seen |= set(group)
    assert seen == {"shown", "annealed"}


def test_each_of_the_first_rollouts_comes_with_a_solution() -> None:
    about = {"solutions": [ANSWER, "\\boxed{626}"]}
    for session, text in enumerate((ANSWER, "\\boxed{626}", None)):
        output, counts = roll_out(Script("\\boxed{1}"), trigger="never", about=about, session=session)
        row = output.extra_fields["extra"]
        # The rollout is what it would have been.
        assert (output.reward_score, counts["policy_tokens"]) == (0.0, 3)
        if text is None:
            assert row is None
            continue
        assert row.response_ids == [*ids(text), 2] and row.prompt_ids == output.prompt_ids
        # In no mean until it has a place in the group, and sampled by no engine.
        assert set(row.response_mask) == {0} and all(map(math.isnan, row.response_logprobs))
        assert row.extra_fields["expert_reward"] == 1.0


def test_a_solution_is_paid_as_a_rollout_is() -> None:
    overlong = Overlong(buffer=0.5, penalty=0.5)
    output, _ = roll_out(
        Script("\\boxed{1}"),
        trigger="never",
        about={"solutions": [ANSWER]},
        response=len(ids(ANSWER)) + 1,
        overlong=overlong,
    )
    assert output.extra_fields["extra"].extra_fields["expert_reward"] == 1.0 - 0.5
