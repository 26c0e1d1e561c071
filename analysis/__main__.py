"""``python -m analysis COMMAND``; see ``--help``."""

# Math-Verify's child processes import this file too, under another name, and need nothing of it.
if __name__ == "__main__":
    import sys

    from analysis.cli import main

    sys.exit(main())
