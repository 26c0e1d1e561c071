"""EAPO (arXiv 2509.23730) as an extension of verl: on-demand expert assistance during RL training."""
