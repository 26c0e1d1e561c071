"""Names of rows, and what counts as a real rollout."""

from eapo_verl.engine.batching import final_outputs, groups, prompt_of, rollout_of, submission_order


def test_keys_sort_by_number_and_not_by_text() -> None:
    keys = ["a-2_10_0", "a-2_9_1", "a-2_9_0", "a-1_0_0"]
    assert sorted(keys, key=submission_order) == ["a-1_0_0", "a-2_9_0", "a-2_9_1", "a-2_10_0"]


def test_the_last_output_of_a_rollout_is_the_real_one() -> None:
    assert final_outputs(["p_0_1", "p_1_0", "p_0_0", "q_0_0"]) == ["p_0_1", "p_1_0", "q_0_0"]


def test_names_of_rows_say_what_they_belong_to() -> None:
    assert (prompt_of("00000001-000000000002_10_1"), rollout_of("p_10_1")) == ("00000001-000000000002", "p_10")
    assert groups(["p_0_1", "q_0_0", "p_1_0"]) == [["p_0_1", "p_1_0"], ["q_0_0"]]
