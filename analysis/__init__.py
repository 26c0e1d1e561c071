"""What can be concluded from samples of language models: grading, metrics, significance, tables, figures, report.

Works on anyone's samples. Imports neither the engines nor any other package of this project.
"""


class InputError(ValueError):
    """What is wrong with an input, in one line: where, what, and what is allowed."""
