"""The program of the kind ``sft``: supervised fine-tuning with verl on experts' solutions.

``python -m eapo_verl.sft SETTINGS --run-dir DIR --checkpoint-dir DIR`` writes the rows, starts verl's SFT trainer in
processes of its own, exports its checkpoints, and measures each with vLLM as reinforcement learning is validated.
"""
