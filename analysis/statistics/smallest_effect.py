"""The smallest effect of interest, in accuracy (0 to 1): what it is unless an experiment says otherwise, and may be.

Light: an experiment's schema and the command line read it, and load nothing else.
"""

#: Two points: a smaller difference, either way, is none that matters (not stated by the paper; our choice).
SMALLEST_EFFECT = 0.02
#: What may be declared.
LEAST, MOST = 0.001, 0.5
