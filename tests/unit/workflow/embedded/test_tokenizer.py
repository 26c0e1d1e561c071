"""The tokenizer of the embedded world, as it is loaded from a folder by the engines."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from eapo_verl.method.grammar import Tags
from workflow.embedded.problems import make_problems
from workflow.embedded.tokenizer import BOX, CHARACTERS, TAGS, build_tokenizer

untimed = settings(deadline=None, max_examples=50)
texts = st.lists(st.sampled_from([*CHARACTERS, BOX, *TAGS]), max_size=60).map("".join)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@untimed
@given(text=texts)
def test_text_survives_encoding_and_decoding(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer.unk_token_id not in ids


@untimed
@given(text=texts)
def test_tokens_decode_to_the_text_one_by_one(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert "".join(tokenizer.decode([token]) for token in ids) == text


def test_tags_are_single_tokens_that_are_not_special(tokenizer: PreTrainedTokenizerFast) -> None:
    for tag in (BOX, *TAGS):
        ids = tokenizer.encode(f"4{tag}2", add_special_tokens=False)
        assert len(ids) == 3 and tokenizer.convert_ids_to_tokens(ids[1]) == tag
        assert ids[1] not in tokenizer.all_special_ids
    assert {"<pad>", "<s>", "</s>"} <= set(tokenizer.all_special_tokens)


def test_a_box_is_no_added_token_and_has_the_number_that_it_had_as_one(tokenizer: PreTrainedTokenizerFast) -> None:
    """Trained models go by the numbers."""
    assert BOX not in tokenizer.get_added_vocab() and set(TAGS) < set(tokenizer.get_added_vocab())
    assert tokenizer.convert_tokens_to_ids([BOX, *TAGS]) == [*range(4 + len(CHARACTERS), len(tokenizer))]


def test_tags_are_those_of_the_action_grammar() -> None:
    tags = Tags()
    assert {*tags.markup, tags.unavailable} <= set(TAGS)
    assert tags.separator in CHARACTERS


def test_every_character_of_a_problem_is_a_token_of_its_own(tokenizer: PreTrainedTokenizerFast) -> None:
    for problem in make_problems(20, 1, "some"):
        ids = tokenizer.encode(problem.problem, add_special_tokens=False)
        assert tokenizer.convert_ids_to_tokens(ids) == list(problem.problem)


def test_chat_template(tokenizer: PreTrainedTokenizerFast) -> None:
    user = {"role": "user", "content": "4+7"}
    for generating in (True, False):
        asked = tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=generating)
        assert asked == "<s>4+7\n"
    told = tokenizer.apply_chat_template([user, {"role": "assistant", "content": "4+7=1"}], tokenize=False)
    assert told == "<s>4+7\n4+7=1</s>"


def test_an_unknown_character_is_the_unknown_token(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.encode("4é", add_special_tokens=False)[1] == tokenizer.unk_token_id
