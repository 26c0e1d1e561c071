"""What the models of the embedded world are shown, what the loss counts, and the checkpoint that comes out."""

import collections
import dataclasses
import hashlib
import itertools
import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from eapo_verl.cpu.precision import instruction_set
from eapo_verl.method.grammar import Answer, Consult, parse_action
from workflow.embedded import lessons, pretrain, problems
from workflow.embedded.arguments import Replies
from workflow.embedded.demonstrations import (
    ENTRIES,
    Demonstration,
    candidates,
    chain_demonstration,
    guessed_digits,
    guessing,
    known_entries,
    mistaken_tables,
    needs_help,
    policy_demonstration,
    problem_demonstration,
)
from workflow.embedded.problems import RARE, solution, true_rare
from workflow.embedded.tokenizer import UNAVAILABLE, build_tokenizer
from workflow.word_tokenizer import EOS

untimed = settings(deadline=None, max_examples=50)
KNOWN = known_entries(0.3)
STEP = re.compile(r"([0-9])([@#])([0-9])=([0-9])")
seeds = st.integers(0, 2**32)


def shown(seed: int, consult_fraction: float = 0.55) -> Demonstration:
    return policy_demonstration(random.Random(seed), KNOWN, consult_fraction)


def test_the_policy_knows_the_same_share_of_either_table() -> None:
    assert collections.Counter(operator for operator, _, _ in KNOWN) == {"@": 30, "#": 30}
    assert known_entries(0.3) == KNOWN
    assert known_entries(0.0) == frozenset() and known_entries(1.0) == set(ENTRIES)


def test_experts_have_a_few_entries_wrong_and_each_its_own() -> None:
    wrong = [
        {entry for entry, value in mistaken_tables(0.05, seed).items() if value != true_rare(*entry)} for seed in (1, 2)
    ]
    assert [len(entries) for entries in wrong] == [10, 10] and wrong[0] != wrong[1]
    assert mistaken_tables(0.05, 1) == mistaken_tables(0.05, 1)


@untimed
@given(seeds)
def test_a_demonstration_is_what_the_grammar_reads(seed: int) -> None:
    segments = shown(seed)
    prompt, written = segments[0], segments[-1]
    assert not prompt.learned and prompt.text.endswith("\n")
    assert written.learned and written.text.endswith(EOS)
    assert isinstance(parse_action(written.text), Answer)
    if len(segments) > 2:
        _, question, reply, _ = segments
        action = parse_action(question.text)
        chains = prompt.text.strip().split(";")
        assert isinstance(action, Consult) and set(action.queries) <= set(chains)
        assert not action.empty and not action.duplicated and not action.excess
        slots = reply.text.removeprefix("<reply>").removesuffix("</reply>").split("|")
        for query, slot in zip(action.queries, slots, strict=True):
            assert slot == UNAVAILABLE or slot.startswith(query[:3])
            # The solution says what the reply says.
            assert slot == UNAVAILABLE or f"{slot};" in written.text


def test_what_a_policy_is_shown_is_what_every_policy_was_shown() -> None:
    """Its options apart: results of earlier runs are of policies that were shown this."""
    rng = random.Random(5)
    shown_to_it = [policy_demonstration(rng, KNOWN, 0.85) for _ in range(300)]
    digest = hashlib.sha256(repr([[*map(dataclasses.astuple, one)] for one in shown_to_it]).encode()).hexdigest()
    assert digest.startswith("897c059237f5a981")


@untimed
@given(seeds)
def test_where_replies_are_results_nothing_but_the_replies_differs(seed: int) -> None:
    told, short = (policy_demonstration(random.Random(seed), KNOWN, 0.9, replies=one) for one in get_args(Replies))
    assert [replace(one, text="") for one in told] == [replace(one, text="") for one in short]
    for whole, result in zip(told, short, strict=True):
        if not whole.text.startswith("<reply>"):
            assert whole == result
            continue
        slots, results = (
            one.text.removeprefix("<reply>").removesuffix("</reply>").split("|") for one in (whole, result)
        )
        assert results == [slot if slot == UNAVAILABLE else slot[-1] for slot in slots]
        # So the solution ends each of these chains with what the reply says of it.
        assert all(f"{slot};" in told[-1].text for slot in slots if slot != UNAVAILABLE)


def test_consultations_are_as_frequent_as_asked_for() -> None:
    def rate(fraction: float) -> float:
        in_need = [
            len(demonstration) > 2
            for demonstration in (shown(seed, fraction) for seed in range(1500))
            if any(needs_help(chain, KNOWN) for chain in demonstration[0].text.strip().split(";"))
        ]
        return sum(in_need) / len(in_need)

    assert rate(0.0) == 0 and rate(1.0) == 1
    assert 0.45 < rate(0.55) < 0.65


def test_demonstrations_leak_nothing_about_unknown_entries() -> None:
    """Each unknown entry is right as often as each of its other candidates, in solutions and in replies."""
    right: collections.Counter[bool] = collections.Counter()
    seen: dict[tuple[str, int, int], set[str]] = collections.defaultdict(set)
    for seed in range(4000):
        rng = random.Random(seed)
        for segment in (*shown(seed)[1:], *chain_demonstration(rng, guessing(rng, KNOWN))[1:]):
            for left, operator, operand, value in STEP.findall(segment.text):
                entry = (operator, int(left), int(operand))
                if entry in KNOWN:
                    assert int(value) == true_rare(*entry)
                else:
                    right[int(value) == true_rare(*entry)] += 1
                    seen[entry].add(value)
    total = right[True] + right[False]
    assert total > 3000
    assert abs(right[True] / total - 1 / 3) < 4 * (2 / 9 / total) ** 0.5
    assert len(seen) == 140
    assert all({int(value) for value in values} == set(candidates(entry)) for entry, values in seen.items())


@untimed
@given(seeds)
def test_whom_to_ask_depends_on_nothing_unknown(seed: int) -> None:
    """With the truth about unknown entries changed, the very same chains are asked about."""

    def asked() -> list[str]:
        return [segment.text for segment in shown(seed) if segment.text.startswith("<consult>")]

    before = asked()
    original = problems.TABLES
    changed = {
        operator: tuple(
            tuple(value if (operator, left, right) in KNOWN else (value + 3) % 10 for right, value in enumerate(row))
            for left, row in enumerate(original[operator])
        )
        for operator in RARE
    }
    with mock.patch.object(problems, "TABLES", changed):
        assert asked() == before


@untimed
@given(seeds, st.sampled_from([chain_demonstration, problem_demonstration]))
def test_an_expert_is_shown_chains_and_problems_as_it_believes_them_to_be(
    seed: int, demonstration: Callable[..., Demonstration]
) -> None:
    beliefs = mistaken_tables(0.05, 1)
    prompt, written = demonstration(random.Random(seed), lambda *entry: beliefs[entry])
    assert not prompt.learned and written.learned
    if demonstration is problem_demonstration:
        assert written.text == solution(prompt.text.strip(), lambda *entry: beliefs[entry]) + EOS
    for left, operator, operand, value in STEP.findall(written.text):
        assert beliefs[operator, int(left), int(operand)] == int(value)


@untimed
@given(seeds)
def test_the_loss_counts_what_the_model_writes_and_nothing_else(seed: int) -> None:
    tokenizer = build_tokenizer()
    demonstration = shown(seed)
    tokens, labels = lessons.encode(tokenizer, demonstration)
    assert tokens[0] == tokenizer.bos_token_id and labels[0] == lessons.IGNORED
    assert tokenizer.decode(tokens[1:]) == "".join(segment.text for segment in demonstration)
    counted = [token for token, label in zip(tokens, labels, strict=True) if label != lessons.IGNORED]
    assert tokenizer.decode(counted) == "".join(segment.text for segment in demonstration if segment.learned)
    pairs = list(zip(tokens, labels, strict=True))
    assert all(label in (token, lessons.IGNORED) for token, label in pairs if label > lessons.GUESS)
    guessed = [
        (tokenizer.decode([token]), ENTRIES[lessons.GUESS - label]) for token, label in pairs if label <= lessons.GUESS
    ]
    assert len(guessed) == sum(len(segment.guesses) for segment in demonstration)
    assert all(int(digit) in candidates(entry) for digit, entry in guessed)


def test_only_what_cannot_be_known_is_a_guess() -> None:
    unknown = next(entry for entry in ENTRIES if entry not in KNOWN and entry[1] != entry[2])
    known = next(iter(sorted(KNOWN)))
    step, sure = ("{1}{0}{2}=7".format(*entry) for entry in (unknown, known))
    text = f"{sure};{step};1+1=2;{step};"
    assert guessed_digits(text, KNOWN) == ((len(sure) + len(step), unknown),)
    assert guessed_digits(text, KNOWN, answered=f"{step} unavailable") == ()


def test_candidates_are_few_always_the_same_and_one_is_right() -> None:
    for entry in ENTRIES:
        assert len(set(candidates(entry))) == 3 and true_rare(*entry) in candidates(entry)
        assert candidates(entry) == candidates(entry)
    places = [candidates(entry).index(true_rare(*entry)) for entry in ENTRIES]
    assert all(40 < places.count(place) < 95 for place in range(3))


def test_the_loss_of_a_guess_is_least_where_every_candidate_is_as_likely() -> None:
    digits = torch.tensor([[7, 8, 9], [3, 5, 12]])
    labels = torch.tensor([lessons.GUESS - 1, lessons.IGNORED])
    uniform = torch.full((2, 20), -1e4)
    uniform[:, digits[1]] = 0.0
    biased = uniform.clone()
    biased[0, 5] = 2.0
    assert pretrain.loss_of(uniform, labels, digits) == pytest.approx(math.log(3), rel=1e-5)
    assert pretrain.loss_of(biased, labels, digits) > pretrain.loss_of(uniform, labels, digits)
    told = torch.tensor([5, 7])
    assert torch.isclose(pretrain.loss_of(biased, told, digits), torch.nn.functional.cross_entropy(biased, told))


def test_batches_hold_every_example_once_padded_on_the_right() -> None:
    lengths = itertools.cycle(range(3, 40))
    drawn: list[list[int]] = []

    def draw() -> lessons.Example:
        tokens = [5] * next(lengths)
        drawn.append(tokens)
        return tokens, tokens

    data = itertools.islice(lessons.batches(draw, 4, 0, random.Random(1)), lessons.SORTED_BATCHES)
    rows = []
    for tokens, labels in data:
        assert tokens.shape == labels.shape and tokens.shape[0] == 4
        assert torch.equal(labels == lessons.IGNORED, tokens == 0)
        rows += [row[row != 0].tolist() for row in tokens]
        assert all((row[: len(rows[-1])] != 0).all() for row in tokens[-1:])
    assert sorted(rows) == sorted(drawn)


@pytest.mark.parametrize("role", ["policy", "expert"])
def test_a_checkpoint_is_complete_and_the_same_again(
    role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--role", role, "--seed", "3", "--steps", "4", "--width", "32", "--layers", "1", "--batch-size", "4"]
    weights = []
    for folder in ("a", "b"):
        assert pretrain.main([*arguments, "--out", str(tmp_path / folder)]) == 0
        model = AutoModelForCausalLM.from_pretrained(tmp_path / folder)
        weights.append(model.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert all(torch.isfinite(value).all() for value in weights[0].values())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "a")
    assert model.config.vocab_size == len(tokenizer) and model.config.head_dim == 32
    assert GenerationConfig.from_pretrained(tmp_path / "a").eos_token_id == tokenizer.eos_token_id
    report = json.loads((tmp_path / "a" / "pretrain.json").read_text())
    assert report["settings"]["role"] == role and report["settings"]["steps"] == 4
    assert report["precision"] == "float32" and report["hardware"]["instruction_set"] == instruction_set()
    assert report["tokens"] > 0 and report["parameters"] == sum(p.numel() for p in model.parameters())
    assert f"{role}: step 4/4, loss" in capsys.readouterr().err


def test_training_lowers_the_loss() -> None:
    small = {"role": "expert", "seed": 0, "steps": 30, "width": 32, "layers": 1, "batch_size": 8}
    chosen = pretrain.Settings(**(pretrain.ROLES["expert"] | small))
    tokenizer = build_tokenizer()
    model = pretrain.build_model(chosen, tokenizer)
    data = pretrain.lessons(chosen, tokenizer)
    losses: list[float] = []
    guessed = pretrain.candidate_ids(tokenizer)
    _, read = pretrain.train(model, data, chosen, guessed, lambda _, loss: losses.append(loss))
    assert len(losses) == 30 and read > 30 * 8 * 8
    assert sum(losses[-3:]) / 3 < losses[0] - 0.5


def test_the_policy_is_shown_longer_and_longer_problems() -> None:
    small = {"role": "policy", "seed": 0, "steps": 20, "batch_size": 4}
    chosen = pretrain.Settings(**(pretrain.ROLES["policy"] | small))
    tokenizer = build_tokenizer()
    shown_in = [
        [tokenizer.decode(row, skip_special_tokens=True).partition("\n")[0] for row in tokens]
        for tokens, _ in itertools.islice(pretrain.lessons(chosen, tokenizer), chosen.steps)
    ]
    separators = [{text.count(";") for text in texts} for texts in shown_in]
    assert separators[:4] == [{0}] * 4 and separators[9:] == [{2}] * 11
    assert set().union(*separators[4:9]) == {0, 1}


@pytest.mark.parametrize(("replies", "form"), [("steps", r".{3}=.*"), ("results", r"[0-9]")])
def test_replies_are_in_the_form_that_its_experts_have(replies: Replies, form: str) -> None:
    small = {"role": "policy", "seed": 0, "steps": 20, "batch_size": 4, "replies": replies}
    chosen = pretrain.Settings(**(pretrain.ROLES["policy"] | small))
    tokenizer = build_tokenizer()
    rows = [row for tokens, _ in itertools.islice(pretrain.lessons(chosen, tokenizer), chosen.steps) for row in tokens]
    told = [found[1] for row in rows if (found := re.search("<reply>(.*)</reply>", tokenizer.decode(row)))]
    slots = [slot for reply in told for slot in reply.split("|") if slot != UNAVAILABLE]
    assert len(slots) > 10 and all(re.fullmatch(form, slot) for slot in slots)


def test_an_expert_is_shown_chains_and_then_whole_problems_between_them() -> None:
    small = {"role": "expert", "seed": 0, "steps": 20, "batch_size": 4}
    chosen = pretrain.Settings(**(pretrain.ROLES["expert"] | small))
    tokenizer = build_tokenizer()
    separators = [
        [tokenizer.decode(row, skip_special_tokens=True).partition("\n")[0].count(";") for row in tokens]
        for tokens, _ in itertools.islice(pretrain.lessons(chosen, tokenizer), chosen.steps)
    ]
    chains, problems = [0] * 4, [2] * 2
    assert separators == [chains] * 8 + [problems, chains] * 6


def test_a_rate_that_is_too_high_is_said_and_leaves_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretrain, "train", lambda *_: (float("nan"), 1))
    arguments = ["--role", "policy", "--seed", "1", "--width", "32", "--layers", "1", "--out", str(tmp_path)]
    assert pretrain.main(arguments) == 2
    assert "--lr: 0.005 is too high" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "1", "--out", "d"], "--role"),
        (["--role", "teacher", "--seed", "1", "--out", "d"], "teacher"),
        (["--role", "policy", "--seed", "-1", "--out", "d"], "-1"),
        (["--role", "policy", "--seed", "1", "--out", "d", "--width", "100"], "100"),
        (["--role", "policy", "--seed", "1", "--out", "d", "--steps", "many"], "many"),
        (["--role", "policy", "--seed", "1", "--out", "d", "--known-fraction", "1.5"], "1.5"),
        (["--role", "policy", "--seed", "1", "--out", "d", "--lr", "nan"], "nan"),
        (["--role", "policy", "--seed", "1", "--out", "d", "--replies", "songs"], "'songs' is none of steps, results"),
        (["--role", "policy", "--seed", "1", "--out", "file/below"], "file/below"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str], said: str, complaint: Callable[[Callable[[list[str]], int], list[str]], str]
) -> None:
    assert said in complaint(pretrain.main, arguments)
