"""What a worker fetches of a batch's rows."""

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
