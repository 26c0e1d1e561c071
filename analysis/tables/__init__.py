"""The tables, a module each, and how people read them. This list is light: rules read it, and load nothing else."""

#: How methods learn, how compared ones do beside each other, and what policies do with their experts.
LEARNING, LEARNING_PAIRS, CONSULTING = "learning", "learning_pairs", "consulting"
#: What becomes of the paper's claims.
CLAIMS = "claims"
#: Files of the tables, without their endings.
TABLES = ("main", "significance", LEARNING, LEARNING_PAIRS, CONSULTING, CLAIMS)
#: That of the ablations, which is written only where an experiment declares some.
ABLATIONS = "ablations"
#: In the domain of training and out of it: written only where an experiment's problems are of several.
DOMAINS, DOMAIN_PAIRS = "domains", "domain_pairs"
#: Of settings under which one model answers: written only where an experiment names some.
SENSITIVITY = "sensitivity"
#: All that are not always written.
SOMETIMES = (ABLATIONS, DOMAINS, DOMAIN_PAIRS, SENSITIVITY)


def tables(ablations: bool, domains: bool, sensitivity: bool) -> tuple[str, ...]:
    """The tables of an experiment: with or without declared ablations, of several domains or of one, of settings."""
    there = {ABLATIONS: ablations, DOMAINS: domains, DOMAIN_PAIRS: domains, SENSITIVITY: sensitivity}
    return (*TABLES, *(name for name in SOMETIMES if there[name]))
