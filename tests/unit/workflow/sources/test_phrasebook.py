"""The model that writes by a table: whatever stands before, what follows a phrase has the table's chances."""

import json
from pathlib import Path

import pytest

from tasks import names, task
from workflow.capacity.shapes import shape_of
from workflow.models import PhrasebookModel
from workflow.sources.phrasebook import TABLE, Role, command, table

QUESTION = {"problem": "Is 7 even, or \\boxed{}?\n  Say so."}


@pytest.mark.parametrize("role", ["policy", "expert"])
def test_it_writes_by_its_table_whatever_stands_before(tmp_path: Path, role: Role) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    command([f"--role={role}", f"--out={tmp_path}"])
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert json.loads((tmp_path / "source.json").read_text())["role"] == role
    expected = table(role)
    assert [*expected] == [*TABLE]
    for phrase, following in expected.items():
        # A prompt of unknown words, and of phrases that lead elsewhere.
        ids = tokenizer.encode(f"An odd\n  prompt: 2,3 \\boxed{{A}}\n{phrase}", return_tensors="pt")
        with torch.no_grad():
            chances = model(ids).logits[0, -1].softmax(-1)
        total = sum(following.values())
        found = {tokenizer.decode([place]): float(chance) for place, chance in enumerate(chances) if chance > 1e-6}
        assert found == pytest.approx({text: share / total for text, share in following.items()}, abs=1e-4)
    assert ("<consult>" in expected["\n"]) == (role == "policy")
    assert (
        sum(one.numel() for one in model.parameters())
        == shape_of("m", PhrasebookModel(source="phrasebook", role=role), tmp_path / "absent").parameters
    )
    # What it writes is read as it stands, be it in a rollout or in an expert's reply.
    text = "".join(TABLE)
    assert tokenizer.decode(tokenizer.encode(text)) == text and tokenizer.unk_token_id not in tokenizer.encode(text)


def test_each_task_is_answered_in_its_form(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    command(["--role=expert", f"--out={tmp_path}"])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    last = {
        name: tokenizer.decode([tokenizer.apply_chat_template(
            [{"role": "user", "content": task(name).prompt(QUESTION)}], add_generation_prompt=True, return_dict=False
        )[-1]])
        for name in names()
        if name != "integers_bare"
    }  # fmt: skip
    boxed = dict.fromkeys(("integers", "numbers", "short_text", "choice"), "\\boxed{}.")
    assert last == boxed | {"roles": "…}.", "python": "```python block.", "python_bare": "\n"}
