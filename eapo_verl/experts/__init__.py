"""Who is asked, how, and what comes back."""

import logging

# A library of vLLM's server leaves the root logger at ERROR where it is imported, as in every engine that is forked: of
# an expert's trouble a log would say nothing.
logging.getLogger(__name__).setLevel(logging.WARNING)
