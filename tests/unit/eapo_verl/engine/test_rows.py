"""What a worker fetches of a batch's rows, and in which order they are cut."""

from typing import Any

import pytest

pytestmark = pytest.mark.engine  # imports verl


def test_a_worker_fetches_tensors_only_and_the_batch_stays_as_it_is() -> None:
    from transfer_queue import KVBatchMeta

    from eapo_verl.engine import rows

    batch = KVBatchMeta(keys=["a"], tags=[{"seq_len": 3}], partition_id="train", extra_info={"temperature": 1.0})
    # Where nobody knows the fields, all are fetched.
    assert rows.only(batch).fields is None
    batch.fields = ["advantages", "extra_fields", "input_ids", "teacher_logprobs", "uid"]
    chosen = rows.only(batch)
    assert chosen.fields == ["advantages", "input_ids", "teacher_logprobs"]
    assert (chosen.keys, chosen.tags, chosen.partition_id) == (["a"], [{"seq_len": 3}], "train")
    assert chosen.extra_info == {"temperature": 1.0}
    assert rows.only(batch, rows.FORWARD).fields == list(rows.FORWARD)
    assert len(batch.fields) == 5


def test_a_step_is_cut_as_on_one_rank_whatever_order_verl_leaves_it_in() -> None:
    from transfer_queue import KVBatchMeta

    from eapo_verl.engine import rows

    lengths = {f"1-{prompt}_{rollout}_0": 10 + 90 * (rollout % 2) for prompt in range(2) for rollout in range(3)}
    tags: list[dict[str, Any]] = [{"seq_len": length} for length in lengths.values()]
    tags += [{"seq_len": 128, "is_padding": True} for _ in range(2)]
    keys = [*lengths, "pad0_0_0", "pad0_1_0"]
    alone, shared = (KVBatchMeta(keys=keys[::-1], tags=tags[::-1], partition_id="train") for _ in range(2))
    rows.arrange(alone, [*lengths], 2, 1)
    metrics = rows.arrange(shared, [*lengths], 2, 2)
    assert alone.keys == [*keys[:3], "pad0_0_0", *keys[3:6], "pad0_1_0"]
    first, second = shared.keys[:4], shared.keys[4:]
    assert {*first[:2], *second[:2]} == set(alone.keys[:4])
    # A mini-batch is 100, 10, 10 and padding of 128; the ranks take turns to have the padding.
    assert [sum(key.startswith("pad") for key in rank) for rank in (first, second)] == [1, 1]
    assert metrics["global_seqlen/balanced_min"] == metrics["global_seqlen/balanced_max"] == 248
