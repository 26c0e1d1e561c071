"""What can be concluded from samples of language models: grading, metrics, significance, tables, figures, report.

Works on anyone's samples. Imports no engine, and of this project's packages ``tasks`` alone.
"""


class InputError(ValueError):
    """What is wrong with an input, in one line: where, what, and what is allowed."""
