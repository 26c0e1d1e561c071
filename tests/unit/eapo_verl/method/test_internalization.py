"""Extra samples that hold no consultation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.grammar import Tags
from eapo_verl.method.internalization import TurnText, rewrite, sample_weights

TAGS = Tags()
pieces = st.lists(st.sampled_from([*TAGS.markup, "|", "\\boxed{7}", "7", " ", "\n", "<con", "sult>"]), max_size=8)
turns = st.lists(
    st.builds(TurnText, pieces.map("".join), st.lists(pieces.map("".join), max_size=2).map(tuple)), max_size=4
)


def test_continuation_is_what_was_written_outside_consultations() -> None:
    rollout = [
        TurnText("I know 1*2=2;<consult>4+7@3|9#5-8</consult>", ("4+7=1,1@3=6",)),
        TurnText("4+7=1,1@3=6;<consult>9#5-8</consult>"),
        TurnText("9#5=4,4-8=6;\\boxed{266}\n"),
    ]
    assert rewrite(rollout) == "I know 1*2=2;4+7=1,1@3=6;9#5=4,4-8=6;\\boxed{266}"


def test_several_and_nested_consultations_of_a_turn_are_removed() -> None:
    text = "a<consult>b</consult>c<consult>d<consult>e</consult>f"
    assert rewrite([TurnText(text, ("r",)), TurnText("g")]) == "acfg"


@pytest.mark.parametrize(
    "rollout",
    [
        [],
        [TurnText("\\boxed{7}")],
        [TurnText("a<consult>q</consult>"), TurnText("\\boxed{7}")],
        [TurnText("<consult>q</consult>", ("",)), TurnText("\\boxed{7}")],
        [TurnText("<consult>q</consult>", ("r",)), TurnText(" \n")],
        [TurnText("<consult>q</consult>", ("r",)), TurnText("<consult>q \\boxed{7}")],
        [TurnText("<consult>q</consult>", ("r",)), TurnText("so</consult> \\boxed{7}")],
        [TurnText("<consult>q</consult>", ("r",)), TurnText("<reply>r</reply> \\boxed{7}")],
        [TurnText("<con<consult>q</consult>", ("r",)), TurnText("sult> \\boxed{7}")],
    ],
)
def test_there_is_no_continuation_to_learn_from(rollout: list[TurnText]) -> None:
    assert rewrite(rollout, "continuation") is None


def test_expert_reply_ends_with_the_policys_answer() -> None:
    rollout = [
        TurnText("a<consult>q|r</consult>", ("4+7=1", " 9#5=4 ")),
        TurnText("<consult>s</consult>", ("so \\boxed{3}",)),
        TurnText("b \\boxed{143}"),
    ]
    assert rewrite(rollout, "expert_reply") == "4+7=1\n9#5=4\nso \\boxed{3}\n\\boxed{143}"


def test_an_answer_that_the_expert_states_is_not_repeated() -> None:
    rollout = [TurnText("<consult>q</consult>", ("so \\boxed{ 7 }",)), TurnText("\\boxed{7}")]
    assert rewrite(rollout, "expert_reply") == "so \\boxed{ 7 }"


def test_a_reply_with_markup_is_no_sample() -> None:
    assert rewrite([TurnText("<consult>q</consult>", ("<reply>7",)), TurnText("\\boxed{7}")], "expert_reply") is None


def test_other_tags() -> None:
    tags = Tags(consult_open="[ask]", consult_close="[/ask]", separator=";", reply_open="[got]", reply_close="[/got]")
    assert rewrite([TurnText("a[ask]q[/ask]", ("r",)), TurnText("b")], tags=tags) == "ab"


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ValueError, match="target"):
        rewrite([], "both")  # type: ignore[arg-type]


@given(turns, st.sampled_from(["continuation", "expert_reply"]))
def test_a_sample_holds_no_markup_and_needs_an_accepted_reply(rollout: list[TurnText], target: str) -> None:
    text = rewrite(rollout, target)  # type: ignore[arg-type]
    if text is not None:
        assert text.strip() and not any(tag in text for tag in TAGS.markup)
        assert any(reply.strip() for turn in rollout for reply in turn.accepted)


def test_only_right_rollouts_of_positive_advantage_are_internalized() -> None:
    assert sample_weights([1.0, 1.0, 0.0, -1.0, float("nan")], [True, False, True, True, True], 0.3) == [
        0.3,
        0,
        0,
        0,
        0,
    ]


@given(st.lists(st.tuples(st.floats(), st.booleans())), st.floats(0.0, 10.0))
def test_a_factor_is_zero_or_the_weight(rollouts: list[tuple[float, bool]], weight: float) -> None:
    factors = sample_weights([a for a, _ in rollouts], [r for _, r in rollouts], weight)
    assert factors == [weight if right and advantage > 0 else 0.0 for advantage, right in rollouts]


def test_bad_weights_are_refused() -> None:
    for weight in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="weight"):
            sample_weights([], [], weight)
    with pytest.raises(ValueError):
        sample_weights([1.0], [], 0.1)


@pytest.mark.engine  # imports verl
@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
def test_an_extra_sample_weighs_what_lambda_says_and_dilutes_nothing(mode: str) -> None:
    """verl's own loss over two real rollouts, an extra sample of weight lambda, and one of weight 0."""
    import torch
    from verl.trainer.ppo.core_algos import agg_loss

    from eapo_verl.engine.rows import learned_masks

    loss = torch.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    masks = [torch.tensor(row) for row in ([1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1])]

    def whole(weights: list[float]) -> float:
        made = learned_masks(masks[2:], weights)
        response = torch.stack([*masks[:2], *(learned for learned, _ in made)])
        counted = torch.stack([*masks[:2], *(mean for _, mean in made)])
        weighted = loss * torch.tensor([1.0, 1.0, *weights])[:, None]
        # verl counts tokens in loss_mask; sequences as the trainer says: real rollouts.
        return float(agg_loss(weighted, response, mode, batch_num_tokens=int(counted.sum()), global_batch_size=2))

    without = whole([0.0, 0.0])
    assert without == pytest.approx(
        {"token-mean": 6 / 3, "seq-mean-token-sum": (3 + 3) / 2, "seq-mean-token-mean": (1.5 + 3) / 2}[mode]
    )
    one = whole([1.0, 0.0]) - without
    assert one == pytest.approx(
        {"token-mean": 15 / 3, "seq-mean-token-sum": 15 / 2, "seq-mean-token-mean": 5 / 2}[mode]
    )
    assert whole([0.25, 0.0]) - without == pytest.approx(0.25 * one)
