"""What an experiment would take: tokens, memory, time, disk, money. Computed from its file, without an accelerator."""
