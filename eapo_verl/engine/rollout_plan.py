"""What all rollouts of a run share, worked out once a process for its two loops, consulting and independent."""

import functools
import gc
from typing import Any

from eapo_verl.engine.vocabulary import ban, end_tokens, forbidden_words
from eapo_verl.experts.pool import ExpertPool
from eapo_verl.record.waits import Waits
from eapo_verl.settings.run import RunSettings, read_run


class RolloutPlan:
    """The settings of a run as its rollouts use them.

    Args:
        run: the settings.
        tokenizer: the policy's.
        response_length: tokens of a response, replies included.

    Attributes:
        ban: sampling parameters under which the opening tag cannot be written.
        end_tokens: with which the policy may end its turn.
        forced: tokens of the opening tag.
        forbidden: what no expert's words may hold.
        measures_confidence: whether rollouts need the policy's confidence; a bonus and a cost go by it, too.
        waits: what they wait for at the moment.
    """

    def __init__(self, run: RunSettings, tokenizer: Any, response_length: int) -> None:
        self.run = run
        self.consultation = run.consultation
        self.response_length = response_length
        self.tags = run.consultation.tags
        self.end_tokens = end_tokens(run.policy, tokenizer)
        self.measures_confidence = run.reward.dual or run.consultation.uses_confidence
        self.forced: list[int] = tokenizer.encode(self.tags.consult_open, add_special_tokens=False)
        self.ban = ban(tokenizer, self.tags.consult_open)
        self.forbidden = forbidden_words(self.tags, tokenizer)
        self.waits = Waits()

    @functools.cached_property
    def pool(self) -> ExpertPool:
        """The experts; connections and limits have to outlive a rollout."""
        settings = self.consultation.pool
        return ExpertPool(self.run.experts, self.consultation.query_prompt, settings, waits=self.waits)


@functools.cache
def rollout_plan(run: str, tokenizer: Any, response_length: int) -> RolloutPlan:
    """The plan of the run whose settings ``run`` holds as JSON, one a process.

    Makes the process's garbage collector leave alone what is there by now: torch, verl and vLLM have made objects by
    the hundred thousand, and reading them all, which it does every few hundred rollouts, halts everything for
    a third of a second or more.
    """
    gc.collect()
    gc.freeze()
    return RolloutPlan(read_run(run), tokenizer, response_length)
