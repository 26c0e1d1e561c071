"""The trainer's distribution of a run that never consults: the one that its rollouts are drawn from.

The rollout engine cannot write the opening tag there. To a trainer that did not know, the tag would be the one token
that no rollout ever has: what is taken from the tokens that are learned from less goes to it in part, and nothing takes
it back. A policy that was shown consultations gave it .43 of its first token's probability to begin with, and where the
advantages of a group's own rollouts sum to less than 0 (an expert's solution is a member), nearly all of it.

Where a run consults, the tag is a choice like any other token, and a rollout that was not to consult is trained as one
that did not choose it.
"""

import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer
from verl.utils.device import get_vendor
from verl.workers.engine import EngineRegistry
from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead

from eapo_verl.engine.vocabulary import only_token
from eapo_verl.settings.method import Consultation

#: In the environment of a run's processes where a token cannot be sampled in it: the token's id.
TOKEN_VARIABLE = "EAPO_BANNED_TOKEN"
#: As good as no probability, and finite: in an entropy it is multiplied by 0, and it is divided by the temperature.
_LOGIT = -1e4


def variables(policy: Path, consultation: Consultation) -> dict[str, str]:
    """The variable for the processes of a run that never consults; none where the tag is several tokens.

    Such a tag is kept from being written by its last token, after the others alone; a policy that was not shown
    consultations has no use for them.
    """
    if consultation.possible:
        return {}
    token = only_token(AutoTokenizer.from_pretrained(policy), consultation.tags.consult_open)
    return {} if token is None else {TOKEN_VARIABLE: str(token)}


class BannedTagEngine(FSDPEngineWithLMHead):
    """verl's engine of a language model, with log-probabilities and entropies of the distribution without the token."""

    def prepare_model_outputs(self, output: Any, *args: Any, **kwargs: Any) -> Any:
        """verl's, of logits without the token."""
        ban(output.logits)
        return super().prepare_model_outputs(output, *args, **kwargs)


def ban(logits: torch.Tensor) -> None:
    """Take the token's probability from ``logits``, (…, vocabulary), in place, which saves a copy of them."""
    # Asked here: the process that this one is forked from has imported this module, without the variable.
    if TOKEN_VARIABLE in os.environ:
        logits[..., int(os.environ[TOKEN_VARIABLE])] = _LOGIT


def register(engine: type[BannedTagEngine]) -> None:
    """Have verl take ``engine``, by its registry: that of a vendor goes before that of a device."""
    register_engine = EngineRegistry.register(
        model_type="language_model", backend=["fsdp", "fsdp2"], device=["cuda", "npu"], vendor=get_vendor()
    )
    register_engine(engine)
