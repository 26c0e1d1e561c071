"""Draws k responses a question from a model: lm-eval's evaluator, vLLM's engine, our files.

``python -m workflow.sampling --model DIR --benchmark NAME=problems.jsonl --out-dir DIR …`` draws what is not there yet
of every benchmark given, with one start of the engine, and writes ``<benchmark>.jsonl`` (one response a line) and
``<benchmark>.provenance.json``. Each benchmark has samples, journal and identity of its own (`store`): one more, or an
interruption, draws no other again. Grading is a later stage that reads those files.
"""
