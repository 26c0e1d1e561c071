"""Tokens that end a turn, and tags that a policy cannot write."""

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken

from eapo_verl.engine.vocabulary import check_tags, end_tokens, forbidden_words, special_tokens
from eapo_verl.method.grammar import Tags
from eapo_verl.settings.method import Consultation
from eapo_verl.settings.run import RunError
from workflow.embedded.tokenizer import build_tokenizer

TOKENIZER = build_tokenizer()
EOS = TOKENIZER.eos_token_id


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        ({}, {EOS}),
        ({"config.json": {"eos_token_id": 7}}, {EOS, 7}),
        ({"config.json": {}}, {EOS}),
        ({"generation_config.json": {"eos_token_id": [1, 107]}, "config.json": {"eos_token_id": 9}}, {EOS, 1, 107}),
        ({"generation_config.json": {"eos_token_id": None}}, {EOS}),
    ],
)
def test_every_token_that_the_model_names_ends_a_turn(files: dict, ids: set[int], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert end_tokens(tmp_path, TOKENIZER) == ids


def test_the_grammars_own_tags_can_be_written() -> None:
    check_tags(Consultation(), TOKENIZER, Path("policy"))


@pytest.mark.parametrize("name", ["consult_open", "consult_close", "separator", "reply_open", "reply_close"])
def test_a_tag_that_is_a_special_token_is_refused_in_one_line(name: str) -> None:
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([AddedToken("<|ask|>", special=True)], special_tokens=True)
    tags = {"separator": ";", name: "<|ask|>"}
    with pytest.raises(RunError) as caught:
        check_tags(Consultation(tags=tags), tokenizer, Path("models/m"))
    said = str(caught.value)
    assert f"consultation.tags.{name}: '<|ask|>'" in said and "models/m" in said and "\n" not in said
    check_tags(Consultation(tags=tags, trigger="never"), tokenizer, Path("models/m"))


def test_no_expert_may_write_an_added_token_whatever_it_is_called() -> None:
    """As SmolLM2's, of whose 17 three have a name; blank ones (Gemma's, Phi's) are white space and no more."""
    tokenizer = build_tokenizer()
    special = [AddedToken(text, special=True) for text in ("<|im_end|>", "<repo_name>")]
    tokenizer.add_tokens([*special, AddedToken("<think>"), AddedToken("  "), AddedToken("\n\n")])
    assert "<repo_name>" not in tokenizer.all_special_tokens
    words = forbidden_words(Tags(), tokenizer)
    assert {*Tags().markup, "<|im_end|>", "<repo_name>", "<think>", "<s>", "</s>", "<pad>"} <= {*words}
    assert not {"  ", "\n\n", "\\boxed{"} & {*words}
    # What is learned from may hold thoughts.
    assert {"<|im_end|>", "<repo_name>", "</s>"} <= {*special_tokens(tokenizer)} and "<think>" not in special_tokens(
        tokenizer
    )


def test_a_tag_of_characters_that_the_tokenizer_does_not_know_is_refused() -> None:
    with pytest.raises(RunError, match=r"consult_open: '\[ask\]' is lost"):
        check_tags(Consultation(tags={"consult_open": "[ask]"}), TOKENIZER, Path("m"))
