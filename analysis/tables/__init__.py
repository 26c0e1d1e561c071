"""The tables, a module each, and how people read them. This list is light: rules read it, and load nothing else."""

#: Files of the tables, without their endings.
TABLES = ("main", "significance")
#: That of the ablations, which is written only where an experiment declares some.
ABLATIONS = "ablations"


def tables(ablations: bool) -> tuple[str, ...]:
    """The tables of an experiment, with or without declared ablations."""
    return (*TABLES, ABLATIONS) if ablations else TABLES
