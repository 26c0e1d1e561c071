"""lm-eval's vLLM model, with a seed and a record for every single sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal, cast

from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.vllm_causallms import VLLM
from vllm import SamplingParams

from workflow.scoring.seeds import sample_seed


@dataclass(frozen=True)
class Completion:
    """What lm-eval does not keep of a response. `n_tokens` includes the end-of-sequence token, if any."""

    n_tokens: int
    finish_reason: Literal["stop", "length"]


@register_model("seeded-vllm")
class SeededVLLM(VLLM):
    """lm-eval's ``vllm`` model but for ``generate_until``, which keeps k samples apart and whole:

    1. Each sample has a seed of its own (`sample_seed`). lm-eval sends repeats without one, so that the
       engine's single random stream makes a sample depend on which requests happen to share its batch.
    2. Length and reason of ending are recorded in `completions`; lm-eval returns the text alone.
    3. No prompt is shortened. lm-eval cuts one that leaves no room for the response; `tasks.check_lengths`
       has refused those before.
    4. All requests of all tasks go to the engine in one call, a prompt being tokenised once and not k times,
       and no stop string is sent: lm-eval adds the end-of-sequence text, which the engine would search for at
       each token.
    """

    def __init__(self, *, sampling_seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sampling_seed = sampling_seed
        self.completions: dict[tuple[str, int], list[Completion]] = {}

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """One response for each request, in order; lm-eval repeats an instance k times to ask for k samples.

        Fills `completions[task name, doc id]` anew, sample by sample. Raises RuntimeError, naming the
        question, if the engine gave up on a request.
        """
        texts = list(dict.fromkeys(request.args[0] for request in requests))
        # The chat template has written every special token already; the tokenizer must not add a second BOS.
        tokens = dict(zip(texts, self.tok_encode(texts, add_special_tokens=False), strict=True))
        drawn: Counter[tuple[str, int]] = Counter()
        prompts: list[list[int]] = []
        sampling: list[SamplingParams] = []
        for request in requests:
            text, generation_kwargs = request.args
            key = _key(request)
            kwargs, _, max_tokens = self.modify_gen_kwargs(dict(generation_kwargs))
            kwargs["skip_special_tokens"] = True
            seed = sample_seed(self._sampling_seed, key[0], request.doc["id"], drawn[key])
            drawn[key] += 1
            prompts.append(tokens[text])
            sampling.append(SamplingParams(max_tokens=max_tokens, seed=seed, **kwargs))
        if len({params.seed for params in sampling}) != len(sampling):
            raise RuntimeError("two samples have the same seed, and so would be the same draw")
        self.completions.clear()
        responses: list[str] = []
        for request, output in zip(requests, self._model_generate(prompts, True, sampling), strict=True):
            result = output.outputs[0]
            if result.finish_reason not in ("stop", "length"):
                raise RuntimeError(
                    f"question {request.doc['id']!r} of {_key(request)[0]}: the engine ended a response with"
                    f" {result.finish_reason!r} and not with 'stop' or 'length'"
                )
            completion = Completion(len(result.token_ids), result.finish_reason)
            self.completions.setdefault(_key(request), []).append(completion)
            responses.append(result.text)
        return responses


def _key(request: Instance) -> tuple[str, int]:
    return cast(str, request.task_name), cast(int, request.doc_id)
