"""LeaP: paths that think, sum up, read their peers and come to an answer."""

from typing import Any

import pytest

from baselines.procedure import Turn
from tests.scripted_sample import ScriptedSample, Written, shipped

THOUGHT, SUMMARY, ANSWER = range(3)
#: Short prompts, so that a path's message can be read here.
SHORT = {
    "user": "Q: {prompt}", "begun": "A: ", "paragraph": ";", "summarise": "[", "summarised": "]",
    "comments": "<{comments}>", "comment": "{number}={comment}", "separator": ",", "alone": "<>", "answer": "\\boxed{",
}  # fmt: skip


def leap(**changes: Any) -> Any:
    return shipped("leap", **({"paths": 3, "turns": 2, "peers": None, "prompts": SHORT} | changes))


def cut(text: str) -> Turn:
    return Turn(text, cut=True)


def messages(sample: ScriptedSample, path: int) -> list[str]:
    """What a path's message was before each of its turns."""
    return [turn.begun for turn in sample.turns if turn.place[0] == path]


def test_paths_drop_what_is_unfinished_sum_up_read_their_peers_and_answer() -> None:
    def policy(turn: Written) -> Turn:
        path, number, kind = turn.place
        if kind == THOUGHT:
            return cut(f"t{path}{number};x")
        return Turn(f"s{path}" if kind == SUMMARY else f"{path // 2}}}", cut=False)

    sample = ScriptedSample(policy)
    response = sample.respond(leap())
    assert messages(sample, 1) == [
        "A: ",
        "A: t10;[",
        "A: t10;[s1]<1=s0,2=s2>",
        # The last turn is not followed by an exchange, and stays whole.
        "A: t10;[s1]<1=s0,2=s2>t11;x\\boxed{",
    ]
    # Two of three say 0; the response is the path's own words: neither summaries nor peers'.
    assert response == Turn("t00;t01;x\\boxed{0}", cut=False)
    assert {turn.user for turn in sample.turns} == {f"Q: {sample.prompt}"}
    assert {turn.stop for turn in sample.turns if turn.place[2] == SUMMARY} == {"]"}


def test_its_lengths_are_the_script_s_in_proportion() -> None:
    def policy(turn: Written) -> Turn:
        return cut("x")

    for max_tokens, lengths in ((10240, (2048, 256, 256)), (80, (16, 2, 2)), (4, (1, 1, 1))):
        sample = ScriptedSample(policy)
        sample.max_tokens = max_tokens
        assert sample.respond(shipped("leap")).cut
        assert {turn.place[2]: turn.max_tokens for turn in sample.turns} == dict(enumerate(lengths))
        thoughts = [turn for turn in sample.turns if turn.place[2] == THOUGHT]
        assert len(thoughts) == 4 * 5 and len(sample.turns) == 4 * (5 + 4 + 1)


def test_a_path_with_an_answer_leaves_and_the_last_one_is_told_so() -> None:
    def policy(turn: Written) -> Turn:
        path, number, kind = turn.place
        if kind == THOUGHT and (path, number) in ((0, 0), (1, 1)):
            return Turn(f"\\boxed{{{path}}}", cut=False)
        return cut(f"s{path}" if kind == SUMMARY else "t;")

    sample = ScriptedSample(policy)
    sample.respond(leap(turns=3))
    assert messages(sample, 0) == ["A: "]
    assert messages(sample, 1)[-1] == "A: t;[s1]<1=s2>"
    assert messages(sample, 2)[4] == "A: t;[s2]<1=s1>t;[s2]<>"


def test_when_all_have_an_answer_nothing_more_is_written() -> None:
    sample = ScriptedSample(lambda turn: f"\\boxed{{{turn.place[0]}}}")
    assert sample.respond(leap(answer="first")).text == "\\boxed{0}"
    assert len(sample.turns) == 3


@pytest.mark.parametrize(("answer", "said"), [("vote", "8"), ("first", "9")])
def test_the_answer_is_the_majority_s_or_the_first_path_s(answer: str, said: str) -> None:
    sample = ScriptedSample(lambda turn: f"\\boxed{{{8 if turn.place[0] else 9}}}")
    assert sample.respond(leap(answer=answer)).text == f"\\boxed{{{said}}}"


def test_without_summaries_peers_are_shown_the_turn_s_thoughts_in_the_form_that_they_read() -> None:
    sample = ScriptedSample(lambda turn: cut(f"t{turn.place[0]}{turn.place[1]};x"))
    prompts = SHORT | {"rewrite": [[";$", ""], ["t", "T"]]}
    sample.respond(leap(turns=3, summary_tokens=0, answer_tokens=4, prompts=prompts))
    assert messages(sample, 2)[1:3] == ["A: t20;<1=T00,2=T10>", "A: t20;<1=T00,2=T10>t21;<1=T01,2=T11>"]
    assert sample.turns[-1].max_tokens == 4


def test_a_thought_without_a_whole_paragraph_is_kept_and_an_empty_summary_is_not_shown() -> None:
    def policy(turn: Written) -> Turn:
        return cut("" if turn.place[2] == SUMMARY and turn.place[0] == 1 else "go on")

    sample = ScriptedSample(policy)
    sample.respond(leap())
    assert messages(sample, 2)[2] == "A: go on[go on]<1=go on>"


def test_every_path_is_shown_k_peers() -> None:
    sample = ScriptedSample(lambda turn: cut(f"{turn.place};"))
    sample.respond(leap(paths=4, peers=2))
    assert all(messages(sample, path)[2].count("=") == 2 for path in range(4))
