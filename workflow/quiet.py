"""What keeps libraries from filling logs. Imports none of them: they read it as they are imported."""

#: Environment variables; one that the user set wins.
QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    # Seconds between two states of a progress line: a log file keeps each of them.
    "TQDM_MININTERVAL": "5",
}
