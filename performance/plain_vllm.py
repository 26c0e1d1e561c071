"""The baseline of ``performance/sampling.py``: vLLM's own ``LLM.generate``, and nothing else, in a process of its own.

``python performance/plain_vllm.py TASK.json``; TASK.json holds model, engine (arguments of ``LLM``), questions,
sampling (arguments of ``SamplingParams``) and seeds, a list for each question. Prints one line of JSON: the seconds of
generation, tokenising included, and the responses.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")

from vllm import LLM, SamplingParams, TokensPrompt


def main(path: Path) -> None:
    """Command line."""
    task = json.loads(path.read_text(encoding="utf-8"))
    model = LLM(model=task["model"], **task["engine"])
    started = time.monotonic()
    tokenizer = model.get_tokenizer()
    prompts, sampling = [], []
    for question, seeds in zip(task["questions"], task["seeds"], strict=True):
        message = [{"role": "user", "content": question}]
        text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        tokens = tokenizer(text, add_special_tokens=False).input_ids
        prompts += [TokensPrompt(prompt_token_ids=tokens)] * len(seeds)
        sampling += [SamplingParams(seed=seed, **task["sampling"]) for seed in seeds]
    outputs = model.generate(prompts, sampling, use_tqdm=False)
    seconds = time.monotonic() - started
    print(json.dumps({"generation_s": seconds, "responses": [output.outputs[0].text for output in outputs]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
