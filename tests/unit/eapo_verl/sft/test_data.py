"""Which solutions a run learns from, as which tokens, and in which order."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.utils.data import DistributedSampler

from eapo_verl.settings.run import RunError
from eapo_verl.sft import data
from eapo_verl.sft.verl_config import ROWS, compose
from tests.unit.eapo_verl.sft.conftest import PROBLEMS, SOLUTIONS, Make
from workflow.embedded.tokenizer import build_tokenizer

TOKENIZER = build_tokenizer()


def test_a_text_that_two_experts_wrote_is_learned_once(settings: Make) -> None:
    rows = data.read_rows(settings(), TOKENIZER)
    texts = [(row.messages[0]["content"], row.messages[-1]["content"]) for row in rows.rows]
    assert texts == [(PROBLEMS[name], SOLUTIONS[name]) for name in PROBLEMS]
    assert rows.problems == 2 and rows.dropped == dict.fromkeys(data.DROPPED, 0) | {"duplicate": 2}
    other = data.read_rows(settings(texts={"p-1": "\\boxed{802}"}), TOKENIZER)
    assert len(other.rows) == 3 and other.problems == 2


def test_what_a_policy_must_not_or_cannot_write_is_left_out_and_counted(settings: Make) -> None:
    texts = {"p-0": "\\boxed{246}</s>", "p-1": "1+1=2;" * 6 + "\\boxed{802}"}
    rows = data.read_rows(settings(texts=texts), TOKENIZER)
    assert len(rows.rows) == 2
    assert rows.dropped == dict.fromkeys(data.DROPPED, 0) | {"special_token": 1, "long_solution": 1}
    with pytest.raises(RunError, match=r"0 different right ones .* a batch takes 2 .left out: .*long_prompt 4"):
        data.read_rows(settings(lengths={"prompt": 4, "response": 32}), TOKENIZER)


def test_no_more_problems_are_learned_from_than_the_budget_has_prompts(settings: Make) -> None:
    budget = settings().budget.model_copy(update={"steps": 1, "prompts_per_step": 1, "mini_batches": 1})
    texts = {"p-0": "\\boxed{246}", "p-1": "\\boxed{802}"}
    runs = [settings(budget=budget, seed=seed, texts=texts) for seed in range(9)]
    made = [data.read_rows(run, TOKENIZER) for run in runs]
    assert all((rows.problems, rows.share, rows.dropped["beyond_budget"]) == (1, 0.5, 2) for rows in made)
    # One problem with both of its solutions; which, the run's seed decides.
    learned = {tuple(row.messages[0]["content"] for row in rows.rows) for rows in made}
    assert learned == {(text,) * 2 for text in PROBLEMS.values()}
    assert data.read_rows(settings(), TOKENIZER).share == 1.0


def test_too_few_solutions_are_one_line_with_both_numbers(settings: Make) -> None:
    budget = settings().budget.model_copy(update={"rollouts_per_prompt": 3})
    with pytest.raises(RunError) as caught:
        data.read_rows(settings(budget=budget), TOKENIZER)
    said = str(caught.value)
    assert said.startswith("solutions of wise, old: 2 different right ones can be learned from, and a batch takes 3 (")
    assert "ask for more (solutions.problems, solutions.samples)" in said and "\n" not in said


def test_solutions_of_other_problems_are_refused(settings: Make) -> None:
    made = settings(texts={"q-9": "\\boxed{1}"})
    with pytest.raises(RunError, match=r"old\.jsonl: problem 'q-9' is none of .*train\.jsonl"):
        data.read_rows(made, TOKENIZER)


def test_a_chat_template_that_rewrites_the_prompt_is_refused(settings: Make) -> None:
    rewriting = build_tokenizer()
    rewriting.chat_template = "{% if messages|length > 1 %}={% endif %}" + str(rewriting.chat_template)
    with pytest.raises(RunError, match="its chat template does not continue a prompt where its generation starts"):
        data.read_rows(settings(), rewriting)


def test_the_chat_template_is_told_what_the_run_says(settings: Make) -> None:
    told = build_tokenizer()
    told.chat_template = "{{ before }}" + str(told.chat_template)
    (plain, *_), (more, *_) = (
        data.read_rows(settings(chat_template_kwargs=said), told).rows for said in ({}, {"before": "1+1"})
    )
    assert (more.prompt_tokens, more.solution_tokens) == (plain.prompt_tokens + 3, plain.solution_tokens)
    with pytest.raises(RunError, match="chat_template_kwargs: 'before' is nothing that the chat template of"):
        data.read_rows(settings(chat_template_kwargs={"before": "1+1"}), TOKENIZER)


def test_every_epoch_has_every_row_in_an_order_of_its_own_and_of_the_seed() -> None:
    made = data.order(50, 120, seed=1)
    epochs = made[:50], made[50:100]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs) and epochs[0] != epochs[1]
    assert len(set(made[100:])) == 20
    assert made == data.order(50, 120, seed=1) != data.order(50, 120, seed=2)


@pytest.mark.parametrize("ranks", [1, 2])
def test_verl_reads_the_batches_in_our_order(ranks: int) -> None:
    ordered = data.order(7, 24, seed=3)
    placed = data.lay_out(ordered)
    # As verl's trainer: a sampler a rank, and batches of 8 over all of them.
    samplers = [DistributedSampler(placed, ranks, rank, shuffle=True, drop_last=True) for rank in range(ranks)]
    read = [[placed[place] for place in sampler] for sampler in samplers]
    share = 8 // ranks
    for batch in range(3):
        together = [index for own in read for index in own[batch * share : (batch + 1) * share]]
        assert Counter(together) == Counter(ordered[batch * 8 : (batch + 1) * 8])


@pytest.mark.engine  # imports verl
def test_verl_learns_the_solution_after_the_very_prompt_of_a_rollout(settings: Make, tmp_path: Path) -> None:
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    run = settings()
    (run.policy / "config.json").write_text("{}")
    rows = data.read_rows(run, TOKENIZER)
    learned = data.write_rows(rows, run, tmp_path / ROWS)
    assert len(learned) == run.optimiser_steps * run.batch
    dataset = MultiTurnSFTDataset(str(tmp_path / ROWS), TOKENIZER, compose(run, tmp_path, "cpu").data)
    assert len(dataset) == 12
    read = [dataset[place] for place in DistributedSampler(dataset, 1, 0)]
    for row, one in zip(learned, read, strict=True):
        prompt = TOKENIZER.apply_chat_template(row.messages[:1], add_generation_prompt=True, return_dict=False)
        written = TOKENIZER.encode(row.messages[1]["content"] + "</s>", add_special_tokens=False)
        assert one["input_ids"].tolist() == prompt + written
        assert torch.equal(one["loss_mask"], torch.tensor([0] * len(prompt) + [1] * len(written)))
        assert (row.prompt_tokens, row.solution_tokens) == (len(prompt), len(written))
