"""Pre-training by a rule: the policy and the experts of the embedded world, each a small Llama, from demonstrations.

    python -m workflow.embedded.pretrain --role policy --seed 1 --out DIR

leaves a complete Hugging Face checkpoint in DIR, and ``pretrain.json`` about how it came to be. One core is enough.
"""

import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from eapo_verl.record.provenance import git_sha, hardware, versions
from workflow.command import BadInput, Parser, run_command
from workflow.embedded.arguments import CONTEXT, HEAD_SIZE, OPTIONS, Replies, number
from workflow.embedded.demonstrations import ENTRIES, candidates, known_entries, mistaken_tables
from workflow.embedded.lessons import GUESS, Batch, expert_lessons, policy_lessons
from workflow.embedded.muon import Muon
from workflow.embedded.tokenizer import build_tokenizer


class DivergedError(BadInput):
    """Training that came to nothing; the message is one line."""


@dataclass(frozen=True)
class Settings:
    """How a model is pre-trained. The defaults are in ``ROLES``, fixed on validation problems.

    Fractions are of the rare entries: that the policy knows, and that an expert has wrong; and of the problems in need
    of an expert: in which the policy is shown a consultation. ``replies`` is what it is shown in answer to one.
    """

    role: str
    seed: int
    steps: int
    width: int
    layers: int
    lr: float
    batch_size: int
    threads: int
    known_fraction: float
    wrong_fraction: float
    consult_fraction: float
    replies: Replies


_SHARED = {"threads": 1, "known_fraction": 0.1, "wrong_fraction": 0.05, "consult_fraction": 0.85, "replies": "steps"}
ROLES: dict[str, dict[str, Any]] = {
    "policy": _SHARED | {"steps": 760, "width": 128, "layers": 4, "lr": 5e-3, "batch_size": 32},
    "expert": _SHARED | {"steps": 330, "width": 192, "layers": 4, "lr": 5e-3, "batch_size": 64},
}


def build_model(settings: Settings, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with tied embeddings, initialised from the settings' seed."""
    torch.manual_seed(settings.seed)
    heads = settings.width // HEAD_SIZE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=3 * settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=HEAD_SIZE,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        # Texts are short: with the usual 10000, most of a head's frequencies would hardly turn within one.
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
        # The usual 0.02 suits widths of thousands: at these, it makes the first hundreds of steps idle.
        initializer_range=settings.width**-0.5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def train(
    model: LlamaForCausalLM,
    data: Iterator[Batch],
    settings: Settings,
    guessed: torch.Tensor,
    progress: Callable[[int, float], None],
) -> tuple[float, int]:
    """Train for ``settings.steps``; the rate rises over a twentieth of them and falls to zero over the last third.

    Returns:
        The loss (nats a labelled token) over the last fiftieth of the steps, and the number of tokens read.
    """
    warm_up, cool_down = max(1, settings.steps // 20), max(1, settings.steps // 3)
    matrices = [weight for weight in model.model.layers.parameters() if weight.dim() == 2]
    others = [weight for weight in model.parameters() if all(weight is not matrix for matrix in matrices)]
    # Muon learns facts by heart in half the steps that AdamW takes; its rates are scaled to be those of AdamW.
    optimisers = (
        Muon(matrices, lr=settings.lr, weight_decay=0.01),
        torch.optim.AdamW(others, lr=settings.lr, betas=(0.9, 0.98), weight_decay=0.01),
    )

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / warm_up, (settings.steps - step) / cool_down)

    rates = [torch.optim.lr_scheduler.LambdaLR(optimiser, factor) for optimiser in optimisers]
    losses: list[float] = []
    read = 0
    for step, (tokens, labels) in zip(range(1, settings.steps + 1), data, strict=False):
        # Padding lies on the right, where causal attention never looks back from.
        logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
        loss = loss_of(logits.flatten(0, 1), labels[:, 1:].flatten(), guessed)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, rate in zip(optimisers, rates, strict=True):
            optimiser.step()
            rate.step()
        model.zero_grad()
        losses.append(loss.item())
        read += tokens.numel()
        progress(step, losses[-1])
    last = losses[-max(1, settings.steps // 50) :]
    return sum(last) / len(last), read


def candidate_ids(tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """The ids of each entry's candidates, (entries, candidates), in the order of ENTRIES."""
    digits = [[str(digit) for digit in candidates(entry)] for entry in ENTRIES]
    return torch.tensor([tokenizer.convert_tokens_to_ids(row) for row in digits])


def loss_of(logits: torch.Tensor, labels: torch.Tensor, guessed: torch.Tensor) -> torch.Tensor:
    """Mean over labelled tokens: cross entropy, against one token or, for a guess, against a uniform candidate.

    The latter is the expectation of the loss over a random candidate, without the noise of drawing one.

    Args:
        logits: (tokens, vocabulary).
        labels: (tokens,); a token's id, GUESS minus the place of an entry, or IGNORED.
        guessed: (entries, candidates); the ids of each entry's candidates.
    """
    guess, told = labels <= GUESS, labels >= 0
    log_probs = logits.log_softmax(-1)
    among = log_probs[guess].gather(1, guessed[GUESS - labels[guess]])
    summed = -log_probs[told].gather(1, labels[told, None]).sum() - among.mean(1).sum()
    return summed / (guess.sum() + told.sum())


def lessons(settings: Settings, tokenizer: PreTrainedTokenizerFast) -> Iterator[Batch]:
    """What a model of the settings' role is shown, drawn from their seed."""
    rng = random.Random(settings.seed)
    if settings.role == "expert":
        beliefs = mistaken_tables(settings.wrong_fraction, settings.seed)
        return expert_lessons(tokenizer, rng, beliefs, settings.batch_size, settings.steps)
    known = known_entries(settings.known_fraction)
    return policy_lessons(
        tokenizer, rng, known, settings.consult_fraction, settings.batch_size, settings.steps, settings.replies
    )


def pretrain(settings: Settings, out: Path) -> dict[str, Any]:
    """Pre-train a model, save its checkpoint in ``out``, and return what ``pretrain.json`` says.

    Raises:
        DivergedError: the loss is no number any more.
        OSError: ``out`` cannot be written.
    """
    disable_progress_bar()
    torch.set_num_threads(settings.threads)
    tokenizer = build_tokenizer()
    model = build_model(settings, tokenizer)
    data = lessons(settings, tokenizer)
    start = time.monotonic()

    def progress(step: int, loss: float) -> None:
        if step % max(1, settings.steps // 20) == 0:
            left = (time.monotonic() - start) / step * (settings.steps - step)
            line = f"progress: {settings.role}: step {step}/{settings.steps}, loss {loss:.3f}, {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)

    loss, read = train(model, data, settings, candidate_ids(tokenizer), progress)
    if not math.isfinite(loss):
        raise DivergedError(f"argument --lr: {settings.lr:g} is too high, the loss is {loss}; nothing was saved")
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=True,
        temperature=1.0,
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    report = {
        "settings": asdict(settings),
        "seconds": round(time.monotonic() - start, 1),
        "final_loss": round(loss, 4),
        "tokens": read,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "precision": str(model.dtype).removeprefix("torch."),
        "git_sha": git_sha(),
        "versions": versions(("torch", "transformers", "tokenizers")),
        "hardware": hardware(),
    }
    (out / "pretrain.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def command(arguments: Sequence[str]) -> None:
    """Pre-train one model. Raises BadInput."""
    parser = Parser("workflow.embedded.pretrain", "Pre-train a model of the embedded world.")
    parser.add_argument("--role", choices=sorted(ROLES), required=True)
    parser.add_argument("--seed", type=number(int, 0, 2**31 - 1), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=number(int, 1, 1024))
    for name, convert in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=convert)
    given = {key: value for key, value in vars(parser.parse_args(arguments)).items() if value is not None}
    out = given.pop("out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        pretrain(Settings(**(ROLES[given["role"]] | given)), out)
    except OSError as error:
        raise BadInput(f"argument --out: cannot write {out}: {error.strerror or error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    return run_command("pretrain", command, arguments)


if __name__ == "__main__":
    sys.exit(main())
