"""Experts' solutions of the training problems: asked for, graded by the task, kept where they are right.

``python -m workflow.solutions SETTINGS --out FILE --journal DIR [--endpoints FILE]`` asks one expert through the same
pool as reinforcement learning does, and writes the file that :mod:`eapo_verl.record.solutions` describes. Replies are
in the journal from the moment they arrive: a job that is repeated asks for the others alone.
"""
