"""``python -m analysis COMMAND``; see ``--help``."""

if __name__ == "__main__":
    import sys

    from analysis.cli.commands import main

    sys.exit(main())
