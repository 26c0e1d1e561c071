"""The pages that a vLLM server has beside its API: whether it is up, and what it counts. Neither wants a key."""

from collections.abc import Collection

# Of the lines that are asked for; the parser takes its time for a long one.
_MOST_LINES, _LONGEST_LINE = 1000, 2000


def health_url(base_url: str) -> str:
    """Where a server whose API is at ``base_url`` says that it is up."""
    return _beside(base_url, "health")


def metrics_url(base_url: str) -> str:
    """Where a server whose API is at ``base_url`` says what it counts."""
    return _beside(base_url, "metrics")


def read_metrics(text: str, names: Collection[str]) -> dict[str, list[float]]:
    """The values of some of a page's metrics, one of each engine of the server; none of what is not on the page.

    Raises:
        ValueError: it is malformed.
    """
    # Here: who asks for an address alone does without it.
    from prometheus_client.parser import text_string_to_metric_families

    # The rest of the page is a hundred times as long.
    lines = [line for line in text.splitlines() if line.startswith(tuple(names))]
    if len(lines) > _MOST_LINES or any(len(line) > _LONGEST_LINE for line in lines):
        raise ValueError("more than any server has to say")
    found: dict[str, list[float]] = {name: [] for name in names}
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                if sample.name in found:
                    found[sample.name].append(float(sample.value))
    except (LookupError, OverflowError) as error:
        raise ValueError("malformed") from error
    return found


def _beside(base_url: str, page: str) -> str:
    return f"{base_url.rstrip('/').removesuffix('/v1')}/{page}"
