r"""A model that is put together and not trained: it reads how its prompt ends, and goes on by a table of phrases.

``python -m workflow.sources.phrasebook --role policy|expert --out DIR``. To the engines it is a Llama like any other,
of some ten thousand parameters. It takes a moment to make, and writes what graders meet, right answers now and then:
for experiments in words that show that every part works, and from which there is nothing to conclude
(``config/smoke_code.yaml``, ``config/smoke_logic.yaml``).

A token is a phrase (:data:`TABLE`) or a word, and all words are one unknown token. What comes next depends on the last
token alone: its embedding is a direction of its own, which the layer, whose output is zero, passes on, and the head
has the logarithms of the table's chances. Training moves all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from eapo_verl.method.grammar import Tags
from workflow.sources import checkpoint
from workflow.sources.command import run, source_parser
from workflow.word_tokenizer import EOS, SPECIAL, word_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

Role = Literal["policy", "expert"]
#: How likely each phrase is behind another one, up to a factor.
Table = Mapping[str, Mapping[str, float]]

#: Tokens that the model reads.
CONTEXT = 4096
#: A chat is what is said in it, and nothing else.
CHAT_TEMPLATE = "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
#: Of the hidden state, a direction a token; and of the one layer.
WIDTH, INTERMEDIATE, HEADS, HEAD_SIZE = 64, 64, 2, 32
_TAGS = Tags()
#: How often the policy asks before it answers.
_ASKS = 0.3
#: The logit of what never comes.
_NEVER = -30.0

_FENCE, _CLOSED = "```python\n", "```"
_FUNCTION = "def main_solution(**given):\n"
_BODIES = {
    # Right of codeio-2851 and codeio-2581, of reasoning-gym's pool.
    "    return {'is_even': given['number'] % 2 == 0}\n": 6.0,
    "    return {'reversed_str': ' '.join(given['input_str'].split()[::-1])}\n": 3.0,
    "    return {'output': 1}\n": 2.0,
    "    return given['n'] / 0\n": 1.0,
    "    return [0] * 10**10\n": 1.0,
    "    return (\n": 1.0,
}
# The first is right of HumanEval/2, the last never ends, which takes a grader seconds.
_CONTINUATIONS = {
    "    return number % 1.0\n": 4.0,
    "    return None\n": 4.0,
    "    return (\n": 1.0,
    "    while True:\n        pass\n": 1.0,
}
_BOXES = {f"\\boxed{{{answer}}}": 2.0 for answer in ("A", "B", "C", "D", "yes", "no")} | {
    "\\boxed{maybe so}": 1.0,
    "I do not know.": 1.0,
}
# By what is behind the problem: what a task asks for (`tasks.python`, `tasks.roles`, and those with a box), or nothing.
_ANSWERS: Table = {
    "```python block.": {_FENCE: 1.0},
    "\n": _CONTINUATIONS,
    "\\boxed{}.": _BOXES,
    "…}.": _BOXES,
    # A reply does not say what was asked for.
    _TAGS.reply_close: {_FENCE: 10.0, **_BOXES},
}
_QUERY = "How does one begin?"
#: What follows what, but that the policy consults.
TABLE: Table = {
    **_ANSWERS,
    _FENCE: {_FUNCTION: 1.0},
    _FUNCTION: _BODIES,
    **{body: {_CLOSED: 1.0} for body in (*_BODIES, *_CONTINUATIONS)},
    **{box: {EOS: 1.0} for box in _BOXES},
    _CLOSED: {EOS: 1.0},
    _TAGS.consult_open: {_QUERY: 1.0},
    _QUERY: {_TAGS.consult_close: 1.0},
}
_WRITTEN = (*TABLE, *(phrase for row in TABLE.values() for phrase in row))
#: Tokens that are found within words, and are no words of an expert's.
TAGS = (*_TAGS.markup, _TAGS.unavailable)
#: All others, what is never written among them.
_UNWRITTEN = (*SPECIAL, _TAGS.separator)
PHRASES = (*_UNWRITTEN, *(text for text in dict.fromkeys(_WRITTEN) if text not in (*TAGS, *_UNWRITTEN)))


def table(role: Role) -> Table:
    """What follows what; an expert does not consult."""
    if role == "expert":
        return TABLE
    asks = {end: {_TAGS.consult_open: _ASKS / (1 - _ASKS) * sum(row.values()), **row} for end, row in _ANSWERS.items()}
    return {**TABLE, **asks}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer: a token a phrase, and one for every other word."""
    known = "|".join(re.escape(phrase) for phrase in sorted(PHRASES, key=len, reverse=True))
    return word_tokenizer(PHRASES, rf"{known}|\S+[^\S\n]*|[^\S\n]+", TAGS, CONTEXT, CHAT_TEMPLATE)


def logits(tokenizer: PreTrainedTokenizerFast, role: Role) -> torch.Tensor:
    """Those of the next token behind each, (tokens, tokens); behind what the table does not have, as behind a reply."""
    import torch

    following = table(role)
    rows = torch.full((len(tokenizer), len(tokenizer)), _NEVER)
    for place in range(len(tokenizer)):
        row = following.get(tokenizer.convert_ids_to_tokens(place), following[_TAGS.reply_close])
        total = sum(row.values())
        for phrase, share in row.items():
            rows[place, tokenizer.convert_tokens_to_ids(phrase)] = torch.tensor(share / total).log()
    return rows


def install(out: Path, role: Role) -> str:
    """Puts the checkpoint and its source.json at `out`, whole or not at all, and says what was done."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = build_tokenizer()
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=INTERMEDIATE,
            num_hidden_layers=1,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            head_dim=HEAD_SIZE,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=False,
            pad_token_id=tokenizer.pad_token_id,
            **ends,
        )
    )
    # Of a token's hidden state the norm makes the root of the width, in its own direction.
    scale = WIDTH**0.5
    with torch.no_grad():
        (layer,) = model.model.layers
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(scale * torch.eye(len(tokenizer), WIDTH))
        model.lm_head.weight.zero_()
        model.lm_head.weight[:, : len(tokenizer)] = logits(tokenizer, role).T / scale
    model.generation_config = GenerationConfig(**ends, pad_token_id=tokenizer.pad_token_id, do_sample=True)

    def make(folder: Path) -> dict[str, Any]:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return {"made_by": "workflow.sources.phrasebook", "role": role}

    checkpoint.install(out, make)
    return f"{out}: {role} of {len(tokenizer)} tokens"


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("phrasebook", __doc__)
    parser.add_argument("--role", choices=get_args(Role), required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    return install(options.out, options.role)


if __name__ == "__main__":
    raise SystemExit(run(command))
