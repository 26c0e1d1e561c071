"""A world small enough for two cores, in which the experiment's question can be decided.

Problems, the tokenizer, and the rules by which its policy and its experts are pre-trained.
"""
