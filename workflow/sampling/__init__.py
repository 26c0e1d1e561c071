"""Draws k responses a question from a model: lm-eval's tasks, vLLM's engine, our files.

``python -m workflow.sampling --model DIR --benchmark NAME=problems.jsonl --out-dir DIR …`` starts one engine,
samples every benchmark given, and writes ``<benchmark>.jsonl`` (one response a line) and ``provenance.json``.
The same command after an interruption draws only what had not been finished. Grading is a later stage that
reads those files.
"""
