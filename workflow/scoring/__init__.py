"""Draws k responses a question from a model: lm-eval's tasks, vLLM's engine, our files.

``python -m workflow.scoring --model DIR --benchmark NAME=problems.jsonl --out-dir DIR …`` starts one engine,
samples every benchmark given, and writes ``<benchmark>.jsonl`` (one response a line) and ``provenance.json``.
Grading is a later stage that reads those files.
"""
